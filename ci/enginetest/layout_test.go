package enginetest

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type descriptor struct {
	MediaType   string
	Digest      string
	Size        int64
	Annotations map[string]string
}

// readLayout checks an OCI image layout by the digest of every blob, and
// returns the digests of its manifests by their names.
func readLayout(t *testing.T, dir string) map[string]string {
	t.Helper()
	var version struct{ ImageLayoutVersion string }
	readJSON(t, filepath.Join(dir, "oci-layout"), &version)
	assert.Equal(t, "1.0.0", version.ImageLayoutVersion)
	var index struct{ Manifests []descriptor }
	readJSON(t, filepath.Join(dir, "index.json"), &index)
	digests, used := map[string]string{}, map[string]bool{}
	for _, m := range index.Manifests {
		digests[m.Annotations["org.opencontainers.image.ref.name"]] = m.Digest
		assert.Equal(t, "application/vnd.oci.image.manifest.v1+json", m.MediaType)
		var manifest struct {
			Config descriptor
			Layers []descriptor
		}
		readJSON(t, checkBlob(t, dir, m, used), &manifest)
		checkBlob(t, dir, manifest.Config, used)
		for _, l := range manifest.Layers {
			assert.Equal(t, "application/vnd.oci.image.layer.v1.tar+gzip", l.MediaType)
			checkBlob(t, dir, l, used)
		}
	}
	blobs, err := os.ReadDir(filepath.Join(dir, "blobs", "sha256"))
	require.NoError(t, err)
	assert.Len(t, blobs, len(used), "every blob belongs to an image")
	return digests
}

// checkBlob checks a blob's size and content, and reads each blob only once.
func checkBlob(t *testing.T, dir string, d descriptor, used map[string]bool) string {
	t.Helper()
	name := strings.TrimPrefix(d.Digest, "sha256:")
	file := filepath.Join(dir, "blobs", "sha256", name)
	if !used[name] {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		sum := sha256.Sum256(data)
		assert.Equal(t, name, hex.EncodeToString(sum[:]))
		assert.Equal(t, d.Size, int64(len(data)))
		used[name] = true
	}
	return file
}

func readJSON(t *testing.T, file string, v any) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, v), file)
}

func writeJSON(t *testing.T, file string, v any) {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, data, 0o644))
}
