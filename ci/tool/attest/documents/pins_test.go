package documents

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

func TestTheToolchainThatIsPinned(t *testing.T) {
	sum := testkit.Digest("go")
	pinned := lock.Image{Reference: "docker.io/library/golang:1.26.8-bookworm", Digest: sum.String()}
	known := provenance.Resource{URI: "pkg:oci/golang@sha256:" + sum.Hex + "?repository_url=docker.io%2Flibrary%2Fgolang&tag=1.26.8-bookworm", Digest: map[string]string{"sha256": sum.Hex}}
	for title, c := range map[string]struct {
		builder         lock.Image
		compiled, where string
		want            provenance.Resource
	}{
		"in the image":             {pinned, "go1.26.8", "1.26.8", known},
		"on a machine":             {pinned, "go1.26.8", "", provenance.Resource{}},
		"in an image of another":   {pinned, "go1.26.8", "1.26.7", provenance.Resource{}},
		"compiled by another":      {pinned, "go1.26.80", "1.26.80", provenance.Resource{}},
		"a pin without a digest":   {lock.Image{Reference: pinned.Reference}, "go1.26.8", "1.26.8", provenance.Resource{}},
		"a pin of somebody else's": {lock.Image{Reference: "docker.io/us/golang:1.26.8", Digest: pinned.Digest}, "go1.26.8", "1.26.8", provenance.Resource{}},
	} {
		t.Run(title, func(t *testing.T) {
			got := toolchain(&lock.Lock{Builder: c.builder}, c.compiled, c.where)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestPackages(t *testing.T) {
	pins := &lock.Lock{Static: map[string]lock.Static{"amd64": {FFmpeg: lock.Package{Name: "@ffmpeg-installer/linux-x64", Version: "4.1.0", Integrity: "sha512-AQID"}}}}
	all, err := packages(pins)
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"pkg:npm/%40ffmpeg-installer/linux-x64@4.1.0": "sha512:010203"}, all)
	pins.Static["arm64"] = lock.Static{FFprobe: lock.Package{Name: "x", Version: "1", Integrity: "sha512-!"}}
	_, err = packages(pins)
	require.ErrorContains(t, err, "read the integrity of x")
}
