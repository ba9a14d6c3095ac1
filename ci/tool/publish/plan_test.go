package publish

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/publish/reference"
)

func TestTheTableSaysForWhichPlatform(t *testing.T) {
	table := func(steps ...Step) string {
		r := Result{Plan: &Plan{Steps: steps}, DryRun: true}
		r.ReadLatest(func(repository string, digests []string) map[string]string {
			assert.Equal(t, "host/light", repository)
			return map[string]string{digests[0]: "linux/amd64"}
		})
		var out bytes.Buffer
		require.NoError(t, r.Table(&out))
		return out.String()
	}
	step := func(name, platform, latest string) Step {
		return Step{Item: reference.Item{Image: name, Repository: "host/light"}, Digest: "sha256:" + name, Platform: platform, MovesLatest: latest != "", LatestFrom: latest}
	}
	same := table(step("api", "linux/amd64", ""), step("thumb", "linux/amd64", "sha256:before"))
	assert.NotContains(t, same, "FOR")
	assert.Regexp(t, `(?m)^thumb .* from sha256:before +sha256:thumb$`, same)
	assert.Contains(t, same, "\ndry run: 2 images for linux/amd64 in 1 repository under ")
	moved := table(step("api", "linux/arm64", "sha256:before"), step("thumb", "linux/amd64", ""))
	assert.Regexp(t, `(?m)^IMAGE .* DIGEST +FOR$`, moved)
	assert.Regexp(t, `(?m)^api .* from sha256:before for linux/amd64 +sha256:api +linux/arm64$`, moved)
	assert.Contains(t, moved, "\ndry run: 2 images in 1 repository under ")
}
