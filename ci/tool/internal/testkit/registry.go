package testkit

import (
	"bytes"
	"cmp"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/layer"
)

// Registry is a registry on localhost.
type Registry struct {
	// Host is host:port.
	Host string
	// Requests counts the requests.
	Requests atomic.Int64
	// Answer, if set, is called first. If it returns true, it has answered the request.
	Answer  func(http.ResponseWriter, *http.Request) bool
	handler http.Handler
	server  *httptest.Server
}

// NewRegistry starts an empty registry.
func NewRegistry(t testing.TB) *Registry {
	t.Helper()
	r := &Registry{}
	real := registry.New(registry.Logger(log.New(io.Discard, "", 0)))
	r.handler = http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.Requests.Add(1)
		if r.Answer == nil || !r.Answer(w, req) {
			real.ServeHTTP(w, req)
		}
	})
	r.server = httptest.NewServer(r.handler)
	t.Cleanup(func() { r.Stop() })
	r.Host = strings.TrimPrefix(r.server.URL, "http://")
	return r
}

// Restart starts the registry again after [Registry.Stop], at the same address and with what
// it held.
func (r *Registry) Restart(t testing.TB) {
	t.Helper()
	l, err := net.Listen("tcp", r.Host)
	require.NoError(t, err)
	r.server = httptest.NewUnstartedServer(r.handler)
	require.NoError(t, r.server.Listener.Close())
	r.server.Listener = l
	r.server.Start()
}

// Stop stops the registry. After that it refuses connections.
func (r *Registry) Stop() {
	r.server.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	remote.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// Push puts an image or index under a tag and returns the reference.
func (r *Registry) Push(t testing.TB, repository string, what remote.Taggable) string {
	t.Helper()
	ref, err := name.ParseReference(r.Host + "/" + repository)
	require.NoError(t, err)
	switch what := what.(type) {
	case v1.ImageIndex:
		require.NoError(t, remote.WriteIndex(ref, what))
	case v1.Image:
		require.NoError(t, remote.Write(ref, what))
	default:
		require.Fail(t, "neither image nor index")
	}
	return ref.String()
}

// Silent returns the address of a listener that accepts and never answers.
func Silent(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var open []net.Conn
		for {
			c, err := l.Accept()
			if err != nil {
				break
			}
			open = append(open, c)
		}
		for _, c := range open {
			c.Close() //nolint:errcheck // nothing was written
		}
	}()
	t.Cleanup(func() {
		l.Close() //nolint:errcheck // closing a listener loses nothing
		<-done
	})
	return l.Addr().String()
}

// OCIImage returns an image of one layer with the files.
func OCIImage(t testing.TB, platform v1.Platform, files ...layer.File) v1.Image {
	t.Helper()
	var data bytes.Buffer
	_, err := layer.Write(&data, files, "")
	require.NoError(t, err)
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data.Bytes())), nil
	}, tarball.WithMediaType(types.OCILayer))
	require.NoError(t, err)
	return withPlatform(t, platform, l)
}

// ImageOf returns an image whose only layer is of the media type.
func ImageOf(t testing.TB, platform v1.Platform, media types.MediaType) v1.Image {
	t.Helper()
	return withPlatform(t, platform, static.NewLayer([]byte("a layer"), media))
}

func withPlatform(t testing.TB, platform v1.Platform, l v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(mutate.MediaType(empty.Image, types.OCIManifestSchema1), l)
	require.NoError(t, err)
	config, err := img.ConfigFile()
	require.NoError(t, err)
	config = config.DeepCopy()
	config.OS, config.Architecture = platform.OS, platform.Architecture
	config.Config.Entrypoint = []string{"/lambda-entrypoint.sh"}
	img, err = mutate.ConfigFile(img, config)
	require.NoError(t, err)
	return img
}

// OCIIndex returns an index of one image per platform, ordered by platform.
func OCIIndex(t testing.TB, images map[*v1.Platform]v1.Image) v1.ImageIndex {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, platform := range slices.SortedFunc(maps.Keys(images), func(a, b *v1.Platform) int { return cmp.Compare(a.String(), b.String()) }) {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: images[platform], Descriptor: v1.Descriptor{Platform: platform}})
	}
	return index
}

// DigestOf returns the digest of an image or index.
func DigestOf(t testing.TB, what interface{ Digest() (v1.Hash, error) }) v1.Hash {
	t.Helper()
	digest, err := what.Digest()
	require.NoError(t, err)
	return digest
}
