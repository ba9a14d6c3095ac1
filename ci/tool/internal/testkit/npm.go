package testkit

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/lock"
)

// NPM is an npm registry on localhost. The npm client of this process uses it.
type NPM struct {
	// Requests counts the requests.
	Requests atomic.Int64
	url      string
	mu       sync.Mutex
	packages map[string]map[string][]byte // name, then version
}

// NewNPM starts an empty npm registry.
func NewNPM(t testing.TB) *NPM {
	t.Helper()
	n := &NPM{packages: map[string]map[string][]byte{}}
	server := httptest.NewServer(n)
	t.Cleanup(server.Close)
	n.url = server.URL
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "npmrc"), nil, 0o644))
	t.Setenv("npm_config_registry", server.URL)
	t.Setenv("npm_config_cache", filepath.Join(dir, "cache"))
	t.Setenv("npm_config_userconfig", filepath.Join(dir, "npmrc"))
	return n
}

// Publish adds a package with one file, and returns its entry for a lock file.
func (n *NPM) Publish(t testing.TB, name, version, file, content string) lock.Package {
	t.Helper()
	manifest, err := json.Marshal(map[string]string{"name": name, "version": version})
	require.NoError(t, err)
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, f := range []struct{ name, content string }{{"package.json", string(manifest)}, {file, content}} {
		require.NoError(t, tw.WriteHeader(&tar.Header{Name: "package/" + f.name, Mode: 0o755, Size: int64(len(f.content)), Typeflag: tar.TypeReg}))
		_, err := tw.Write([]byte(f.content))
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	require.NoError(t, zw.Close())
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.packages[name] == nil {
		n.packages[name] = map[string][]byte{}
	}
	n.packages[name][version] = b.Bytes()
	return lock.Package{Name: name, Version: version, Integrity: integrity(b.Bytes())}
}

func integrity(data []byte) string {
	sum := sha512.Sum512(data)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// ServeHTTP answers /name with the versions, and /name/-/version.tgz with the package.
func (n *NPM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.Requests.Add(1)
	n.mu.Lock()
	defer n.mu.Unlock()
	name, tarball, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/-/")
	versions, ok := n.packages[name]
	if !ok {
		http.NotFound(w, r)
		return
	}
	if tarball != "" {
		w.Write(versions[strings.TrimSuffix(tarball, ".tgz")]) //nolint:errcheck // npm reports a failure
		return
	}
	type dist struct {
		Tarball   string `json:"tarball"`
		Shasum    string `json:"shasum"`
		Integrity string `json:"integrity"`
	}
	type version struct {
		Name    string `json:"name"`
		Version string `json:"version"`
		Dist    dist   `json:"dist"`
	}
	listed := map[string]version{}
	for v, data := range versions {
		sum := sha1.Sum(data)
		listed[v] = version{name, v, dist{n.url + "/" + name + "/-/" + v + ".tgz", hex.EncodeToString(sum[:]), integrity(data)}}
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]any{"name": name, "versions": listed, "dist-tags": map[string]string{}}) //nolint:errcheck // npm reports a failure
}
