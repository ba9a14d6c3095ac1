package report_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/report"
)

func TestFor(t *testing.T) {
	header, rows := []string{"IMAGE", "DIGEST"}, [][]string{{"api", "a"}, {"gone", ""}, {"thumb", "b"}}
	for name, c := range map[string]struct {
		platforms []string
		column    []string // nil for none
		words     string
	}{
		"all for the same":       {[]string{"linux/arm64", "", "linux/arm64"}, nil, " for linux/arm64"},
		"for several":            {[]string{"linux/arm64", "", "linux/amd64"}, []string{"FOR", "linux/arm64", "", "linux/amd64"}, ""},
		"one of them is unknown": {[]string{report.Unknown, "", "linux/amd64"}, []string{"FOR", "unknown", "", "linux/amd64"}, ""},
		"all are unknown":        {[]string{report.Unknown, "", report.Unknown}, nil, " for an unknown platform"},
		"no images":              {[]string{"", "", ""}, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h, r, words := report.For(header, rows, c.platforms)

			assert.Equal(t, c.words, words)
			var column []string
			for _, row := range append([][]string{h}, r...) {
				column = append(column, row[2:]...)
			}
			assert.Equal(t, c.column, column)
			assert.Equal(t, [][]string{{"api", "a"}, {"gone", ""}, {"thumb", "b"}}, rows)
		})
	}
}

func TestOtherPlatform(t *testing.T) {
	assert.True(t, report.OtherPlatform("linux/arm64", "linux/amd64"))
	for _, same := range []string{"linux/arm64", report.Unknown, ""} {
		assert.False(t, report.OtherPlatform("linux/arm64", same))
	}
	assert.Equal(t, "sha256:0123 for linux/arm64", report.DigestFor("sha256:0123", "linux/arm64"))
	assert.Equal(t, "sha256:0123 for an unknown platform", report.DigestFor("sha256:0123", ""))
}
