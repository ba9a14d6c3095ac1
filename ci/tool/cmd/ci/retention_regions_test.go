package main

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
)

// What runs in one region is live in ECR Public, which both share; where it is unknown what runs,
// nothing is deleted, and nothing from ECR Public either.
func TestRetentionInTwoRegions(t *testing.T) {
	t.Parallel()
	for title, test := range map[string]struct {
		down         string // the region that is out of reach
		code         int
		told, warned string
		public       string // the images that are left, by their first digits
		policies     int
	}{
		"both": {"", exitDone, "us-west-2: lambda-private-light: the lifecycle policy changes\n", "", "123458", 2},
		"the second is out of reach": {"us-west-2", exitFailed, "! us-west-2: it is unknown what is live there, so nothing is changed there\n! the public images stay, because one that runs there may be among them\n",
			"ci: us-west-2: find the images that The", "123456789", 1},
		"the first is out of reach": {awsfake.Home, exitFailed, "! eu-central-1: it is unknown what is live there, so nothing is changed there\n", "ci: eu-central-1: ", "123456789", 1},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			aws := awsfake.Start(t)
			aws.Regional = true
			aws.Add(awsfake.Public, "lambda-light", repositoryOf("123456789")...)
			for _, region := range []string{awsfake.Home, "us-west-2"} {
				aws.AddIn(region, awsfake.Private, light, repositoryOf("12345678")...)
			}
			aws.RunIn(awsfake.Home, "TheBeta", "$LATEST", digest("1"))
			aws.RunIn("us-west-2", "TheBeta", "$LATEST", digest("8"))
			aws.Answer = func(c awsfake.Call) awsfake.Failure {
				if c.Region == test.down && strings.HasPrefix(c.Operation, "lambda.") {
					return awsfake.Failure{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: "no"}
				}
				return awsfake.Failure{}
			}

			got := with(aws).in(t, plain(t), "retention", "--region", regionList)

			require.Equal(t, test.code, got.code, got.stderr)
			assert.Contains(t, got.stdout, test.told)
			assert.Contains(t, got.stderr, test.warned)
			var public string
			for _, digit := range "123456789" {
				if _, ok := left(aws, awsfake.Public, "lambda-light")[string(digit)]; ok {
					public += string(digit)
				}
			}
			assert.Equal(t, test.public, public)
			assert.Len(t, aws.Calls("ecr.PutLifecyclePolicy"), test.policies)
			for _, call := range aws.Calls("ecr.PutLifecyclePolicy") {
				assert.NotEqual(t, test.down, call.Region)
			}
			tags := aws.RepositoryIn("us-west-2", awsfake.Private, light).Images[7].Tags
			assert.Equal(t, test.down != "us-west-2", len(tags) == 2, "what runs there gets a tag that protects it")
		})
	}
}
