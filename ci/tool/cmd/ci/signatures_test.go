package main

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/internal/awsfake"
)

// What ECR signs by itself is said, and what it could not sign.
func TestSignaturesOfECR(t *testing.T) {
	t.Parallel()
	const profile = "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/images"
	state := func(status string) []map[string]any {
		return []map[string]any{{"signingProfileArn": profile, "status": status}}
	}
	for title, test := range map[string]struct {
		signing     [][]map[string]any
		failure     awsfake.Failure
		said, never string
		warning     string
	}{
		"no configuration":    {never: "ECR has"},
		"signed after a look": {signing: [][]map[string]any{state("IN_PROGRESS"), state("COMPLETE")}, said: "ECR has made 2 signatures\n", never: "! ECR"},
		"denied": {signing: [][]map[string]any{{{"signingProfileArn": profile, "status": "FAILED", "failureCode": "AccessDenied", "failureReason": "User is not authorized to perform: signer:SignPayload"}}},
			said: " in lambda-private-light with the profile images: FAILED: AccessDenied: User is not authorized to perform: signer:SignPayload; whoever pushes needs signer:SignPayload for the profile"},
		"a state of another day": {signing: [][]map[string]any{state("QUEUED")}, said: "! ECR has not signed "},
		"unknown":                {failure: awsfake.AccessDenied, never: "ECR has", warning: "warning: it is unknown whether ECR signs these images: read whether ECR has signed sha256:"},
		"not there":              {failure: awsfake.Failure{Status: 400, Code: "NotImplemented", Message: "no such call"}, never: "ECR has", warning: "NotImplemented"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newStand(t)
			s.environment[hurryVariable] = "yes"
			s.aws.Add(awsfake.Private, "lambda-private-light")
			s.aws.Add(awsfake.Public, "lambda-light")
			s.aws.Signing = test.signing
			if test.failure.Code != "" {
				s.aws.Fail("ecr.DescribeImageSigningStatus", test.failure)
			}

			got := s.publish(t, "--commit", "aaaaaaa")

			assert.Equal(t, exitDone, got.code, got.stderr)
			assert.Contains(t, got.stdout, test.said)
			assert.Contains(t, got.stderr, test.warning)
			if test.never != "" {
				assert.NotContains(t, got.stdout, test.never)
			}
		})
	}
}
