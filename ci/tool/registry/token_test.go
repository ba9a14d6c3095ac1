package registry_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/referrer"
)

// A token can expire at any request; that request is sent again, with its body.
func TestATokenThatExpiresAtAnyRequest(t *testing.T) {
	retry := registry.Retry{Attempts: 4, First: time.Millisecond, Longest: time.Millisecond, Patience: time.Second}
	for requests := 1; requests <= 12; requests++ {
		t.Run(fmt.Sprintf("after %d", requests), func(t *testing.T) {
			r := registrytest.New(t)
			r.RequireToken(requests)
			// On a connection that was used before, the HTTP client retries by itself.
			r.Fail(func(_ registrytest.Request, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
				w.Header().Set("Connection", "close")
				return false
			})
			c, repository := registry.NewClient(registry.Options{Keychain: registrytest.Login(registrytest.Password), Retry: &retry}), r.Host+"/lambda-light"
			subject := referrer.Artifact{Type: "application/vnd.test", Title: "an image", Content: []byte("content")}
			for n, name := range []string{"one", "two"} {
				for _, b := range subject.Blobs() {
					_, err := c.PutBytes(t.Context(), repository, fmt.Append(b.Content, n), b.MediaType)
					require.NoError(t, err)
					_, err = c.PutBytes(t.Context(), repository, b.Content, b.MediaType)
					require.NoError(t, err)
				}
				manifest, digest, err := subject.Manifest(subject.Blobs()[0].Descriptor)
				require.NoError(t, err)
				require.NoError(t, c.PutManifest(t.Context(), repository, digest.String(), manifest, types.OCIManifestSchema1))
				require.NoError(t, c.PutManifest(t.Context(), repository, name, manifest, types.OCIManifestSchema1))
				all, err := c.Referrers(t.Context(), repository, subject.Blobs()[0].Digest)
				require.NoError(t, err)
				assert.Len(t, all, 1)
			}
		})
	}
}
