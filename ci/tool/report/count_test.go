package report_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/report"
)

func TestCount(t *testing.T) {
	for want, got := range map[string]string{
		"0 images":       report.Count(0, "image"),
		"1 image":        report.Count(1, "image"),
		"2 images":       report.Count(2, "image"),
		"1 repository":   report.Count(1, "repository"),
		"3 repositories": report.Count(3, "repository"),
	} {
		assert.Equal(t, want, got)
	}
}
