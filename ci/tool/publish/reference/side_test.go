package reference_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
)

func TestTagsWithASide(t *testing.T) {
	digest := testkit.Digest("one").String()
	for _, region := range []string{"eu-central-1", "ap-southeast-1", "us-gov-west-1", "us-isob-east-1", "cn-north-1", "eusc-de-east-1"} {
		side := reference.Side{Account: "123456789012", Region: region}
		for _, tag := range []string{reference.LiveTag(strings.Repeat("a", 80), side), reference.ShieldTag(strings.Repeat("a", 80), digest, side)} {
			assert.Regexp(t, `^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$`, tag)
			_, got := reference.CutSide(strings.TrimSuffix(tag, reference.LiveSuffix))
			assert.Equal(t, side, got, tag)
		}
	}
	assert.Equal(t, "api-live", reference.LiveTag("api", reference.Side{}))
	for _, text := range []string{"api", "api-0123456789ab", "api-123456789012", "api-123456789012-v2", "api-abc1234"} {
		rest, side := reference.CutSide(text)
		assert.Equal(t, text, rest)
		assert.Zero(t, side, text)
	}
}
