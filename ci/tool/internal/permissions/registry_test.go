package permissions

import (
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	ours "lambdas.internal/ci/tool/registry"
)

// ofMethod has the ECR actions that each method of the registry's client needs.
var ofMethod = map[string][]string{
	"Blob":        {"GetDownloadUrlForLayer"},
	"CheckPush":   {"InitiateLayerUpload"},
	"Content":     {"GetDownloadUrlForLayer"},
	"Digest":      {"BatchGetImage"},
	"Download":    {"GetDownloadUrlForLayer"},
	"HasBlob":     {"BatchCheckLayerAvailability"},
	"Manifest":    {"BatchGetImage"},
	"Platforms":   {"BatchGetImage", "GetDownloadUrlForLayer"},
	"PutBlob":     {"BatchCheckLayerAvailability", "CompleteLayerUpload", "InitiateLayerUpload", "UploadLayerPart"},
	"PutBytes":    {"BatchCheckLayerAvailability", "CompleteLayerUpload", "InitiateLayerUpload", "UploadLayerPart"},
	"PutManifest": {"PutImage"},
	"Referrers":   {"BatchGetImage"},
	"Tags":        {"ListImages"},
	"Untag":       {"BatchDeleteImage"},
}

// anyoneMay are the actions that everybody may do in a public repository.
var anyoneMay = []string{"BatchGetImage", "GetDownloadUrlForLayer", "ListImages"}

// actionOf returns the action that ECR requires for a request to its registry.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-push-iam.html
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policy-examples.html
func actionOf(r *http.Request) string {
	switch at := r.URL.Path; {
	case at == "/v2/":
		return "" // checks the login
	case strings.HasSuffix(at, "/tags/list"):
		return "ListImages"
	case strings.Contains(at, "/blobs/uploads/"):
		return map[string]string{http.MethodPost: "InitiateLayerUpload", http.MethodPatch: "UploadLayerPart", http.MethodPut: "CompleteLayerUpload"}[r.Method]
	case strings.Contains(at, "/blobs/"):
		return map[string]string{http.MethodHead: "BatchCheckLayerAvailability", http.MethodGet: "GetDownloadUrlForLayer"}[r.Method]
	case strings.Contains(at, "/referrers/"):
		return "BatchGetImage"
	case strings.Contains(at, "/manifests/"):
		return map[string]string{http.MethodHead: "BatchGetImage", http.MethodGet: "BatchGetImage", http.MethodPut: "PutImage", http.MethodDelete: "BatchDeleteImage"}[r.Method]
	default:
		return "unknown: " + r.Method + " " + at
	}
}

// The table above has the requests that the client makes.
func TestTheRequestsOfTheClient(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]bool{}
	handler := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		if a := actionOf(r); a != "" {
			seen[a] = true
		}
		mu.Unlock()
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	ctx, c, repository := t.Context(), ours.NewClient(ours.Options{}), strings.TrimPrefix(server.URL, "http://")+"/a"

	file := filepath.Join(t.TempDir(), "blob")
	require.NoError(t, os.WriteFile(file, []byte("blob"), 0o644))
	digest, size, err := v1.SHA256(strings.NewReader("blob"))
	require.NoError(t, err)
	manifest := `{"schemaVersion":2,"mediaType":"` + string(types.OCIManifestSchema1) + `","config":{"mediaType":"` + string(types.OCIConfigJSON) +
		`","digest":"` + digest.String() + `","size":4},"layers":[]}`
	methods := []struct {
		name string
		call func() error
	}{
		{"PutBlob", func() error {
			return c.PutBlob(ctx, repository, v1.Descriptor{MediaType: types.OCILayer, Digest: digest, Size: size}, file, func(int64) {})
		}},
		{"PutBytes", func() error { _, err := c.PutBytes(ctx, repository, []byte("other"), types.OCILayer); return err }},
		{"HasBlob", func() error { _, err := c.HasBlob(ctx, repository, digest); return err }},
		{"CheckPush", func() error { return c.CheckPush(ctx, repository) }},
		{"Blob", func() error { _, err := c.Blob(ctx, repository, digest); return err }},
		{"Content", func() error {
			_, err := c.Content(ctx, repository, v1.Descriptor{MediaType: types.OCILayer, Digest: digest, Size: size})
			return err
		}},
		{"Referrers", func() error { _, err := c.Referrers(ctx, repository, digest); return err }},
		{"Download", func() error {
			return c.Download(ctx, repository, digest, func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err })
		}},
		{"PutManifest", func() error { return c.PutManifest(ctx, repository, "t", []byte(manifest), types.OCIManifestSchema1) }},
		{"Digest", func() error { _, _, err := c.Digest(ctx, repository, "t"); return err }},
		{"Manifest", func() error { _, _, err := c.Manifest(ctx, repository, "t"); return err }},
		{"Platforms", func() error {
			ofManifest, _, err := v1.SHA256(strings.NewReader(manifest))
			c.Platforms(ctx, nil, repository, []string{ofManifest.String()})
			return err
		}},
		{"Tags", func() error { _, err := c.Tags(ctx, repository); return err }},
		{"Untag", func() error { return c.Untag(ctx, repository, "t") }},
	}
	for _, m := range methods {
		clear(seen)
		require.NoError(t, m.call(), m.name)
		assert.Equal(t, ofMethod[m.name], slices.Sorted(maps.Keys(seen)), m.name)
	}
	assert.Len(t, methods, len(ofMethod))

	p, err := load()
	require.NoError(t, err)
	for name := range p.uses {
		if method, ok := strings.CutPrefix(name, client); ok && method[0] >= 'A' && method[0] <= 'Z' {
			assert.Contains(t, ofMethod, method, "a method that is not in the table")
		}
	}
}
