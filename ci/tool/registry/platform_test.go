package registry_test

import (
	"net/http"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/report"
)

func TestPlatforms(t *testing.T) {
	r := testkit.NewRegistry(t)
	kept, c := testkit.Cache(t), registry.NewClient(registry.Options{Retry: &registry.Retry{}})
	repository := r.Host + "/light"
	amd, arm := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x")), testkit.OCIImage(t, v1.Platform{OS: "linux", Architecture: "arm64"})
	r.Push(t, "light:amd", amd)
	r.Push(t, "light:arm", arm)
	text, err := c.PutBytes(t.Context(), repository, []byte("{}"), "application/vnd.example")
	require.NoError(t, err)
	m := `{"schemaVersion":2,"mediaType":"` + string(types.OCIManifestSchema1) + `","config":{"mediaType":"application/vnd.example","size":2,"digest":"` + text.Digest.String() + `"},"layers":[]}`
	require.NoError(t, c.PutManifest(t.Context(), repository, "document", []byte(m), types.OCIManifestSchema1))
	document, ok, err := c.Digest(t.Context(), repository, "document")
	require.NoError(t, err)
	require.True(t, ok)
	of := func(h v1.Hash) string { return h.String() }
	gone := testkit.Digest("gone").String()
	digests := []string{of(testkit.DigestOf(t, amd)), of(testkit.DigestOf(t, arm)), of(document), gone}
	want := map[string]string{digests[0]: "linux/amd64", digests[1]: "linux/arm64", digests[2]: "", gone: report.Unknown}

	assert.Equal(t, want, c.Platforms(t.Context(), nil, repository, digests))
	assert.Equal(t, want, c.Platforms(t.Context(), kept, repository, digests))

	// What was read once is not read again, and what could not be is unknown.
	r.Answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(http.StatusForbidden); return true }
	assert.Equal(t, want, c.Platforms(t.Context(), kept, repository, digests))
	assert.Equal(t, map[string]string{digests[0]: report.Unknown}, c.Platforms(t.Context(), nil, repository, digests[:1]))
}
