package ecrapi

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/ecrstate"
)

func TestReadScan(t *testing.T) {
	finding := func(severity string) map[string]any {
		return map[string]any{"name": "CVE-2026-1", "severity": severity}
	}
	enhanced := func(severity, fix string, clusters int) map[string]any {
		return map[string]any{"severity": severity, "fixAvailable": fix,
			"resources": []any{map[string]any{"details": map[string]any{"awsEcrContainerImage": map[string]any{"inUseCount": clusters}}}}}
	}
	for title, test := range map[string]struct {
		scan    map[string]any
		failure *awsfake.Failure
		want    ecrstate.Scan
		grave   int
		known   bool
		err     string
	}{
		"basic": {scan: map[string]any{"imageScanStatus": map[string]any{"status": "COMPLETE"}, "imageScanFindings": map[string]any{"findings": []any{finding("HIGH"), finding("HIGH"), finding("LOW")}}},
			want: ecrstate.Scan{Kind: "basic", Status: "COMPLETE", Severities: map[string]int{"HIGH": 2, "LOW": 1}}, grave: 2, known: true},
		"basic, nothing found": {scan: map[string]any{"imageScanStatus": map[string]any{"status": "COMPLETE"}, "imageScanFindings": map[string]any{}},
			want: ecrstate.Scan{Kind: "basic", Status: "COMPLETE", Severities: map[string]int{}}, known: true},
		"enhanced": {scan: map[string]any{"imageScanStatus": map[string]any{"status": "ACTIVE"},
			"imageScanFindings": map[string]any{"enhancedFindings": []any{enhanced("CRITICAL", "YES", 2), enhanced("HIGH", "NO", 0), enhanced("LOW", "NO", 0)}}},
			want: ecrstate.Scan{Kind: "enhanced", Status: "ACTIVE", Severities: map[string]int{"CRITICAL": 1, "HIGH": 1, "LOW": 1}, Unfixable: 1, InUse: 2}, grave: 2, known: true},
		"scanning is off": {failure: &awsfake.Failure{Status: 400, Code: "ScanNotFoundException", Message: "Image scan does not exist"}},
		"a status of another day": {scan: map[string]any{"imageScanStatus": map[string]any{"status": "HELD"}},
			want: ecrstate.Scan{Status: "HELD", Severities: map[string]int{}}},
		"denied": {failure: &awsfake.AccessDenied, err: "read what ECR has found in sha256:a in a: "},
	} {
		t.Run(title, func(t *testing.T) {
			aws := awsfake.New(t)
			aws.Add(awsfake.Private, "a")
			aws.Scan = test.scan
			if test.failure != nil {
				aws.Fail("ecr.DescribeImageScanFindings", *test.failure)
			}
			s, err := awsauth.New(t.Context(), "")
			require.NoError(t, err)

			got, err := ReadScan(t.Context(), s.ECR, "a", "sha256:a")

			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
			assert.Equal(t, test.grave, got.Grave())
			assert.Equal(t, test.known, got.Known())
		})
	}
}
