package base_test

import (
	"archive/tar"
	"compress/gzip"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/base"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// choice is what package pin chooses for a pushed image.
func choice(t *testing.T, reference string, what interface{ Digest() (v1.Hash, error) }) pin.Choice {
	t.Helper()
	return pin.Choice{Name: reference, Reference: reference, Digest: testkit.DigestOf(t, what), Pin: image.Pinned}
}

func TestGet(t *testing.T) {
	r, c := testkit.NewRegistry(t), testkit.Cache(t)
	amd64 := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "amd64"))
	arm64 := testkit.OCIImage(t, testkit.ARM64, layer.Text("x", 0o644, "arm64"))
	both := testkit.OCIIndex(t, map[*v1.Platform]v1.Image{&testkit.AMD64: amd64, &testkit.ARM64: arm64})
	chosen := choice(t, r.Push(t, "base:1", both), both)
	for platform, img := range map[*v1.Platform]v1.Image{&testkit.AMD64: amd64, &testkit.ARM64: arm64} {
		assert.False(t, base.Cached(c, chosen, *platform))

		got, reused, err := base.Get(t.Context(), c, chosen, *platform)

		require.NoError(t, err)
		assert.False(t, reused)
		assert.Equal(t, chosen.Name, got.Name)
		assert.Equal(t, chosen.Digest.String(), got.Digest)
		assert.Equal(t, image.Pinned, got.Pin)
		assert.Equal(t, platform.Architecture, got.Config.Architecture)
		layers, err := img.Layers()
		require.NoError(t, err)
		require.Len(t, got.Layers, 1)
		assert.Equal(t, testkit.DigestOf(t, layers[0]), got.Layers[0].Digest)
		assert.True(t, c.Has(got.Layers[0].Digest, got.Layers[0].Size))
		assert.True(t, base.Cached(c, chosen, *platform))
	}

	r.Stop()
	first, reused, err := base.Get(t.Context(), c, chosen, testkit.AMD64)
	require.NoError(t, err)
	assert.True(t, reused, "no registry is needed any more")
	require.NoError(t, os.Remove(c.Blob(first.Layers[0].Digest)))
	assert.False(t, base.Cached(c, chosen, testkit.AMD64), "a layer is gone")
	_, _, err = base.Get(t.Context(), c, chosen, testkit.AMD64)
	require.ErrorContains(t, err, "get the base: ")
}

// The digest of an image must not depend on whether its base was in the cache.
func TestACachedBaseGivesTheSameImage(t *testing.T) {
	r, c := testkit.NewRegistry(t), testkit.Cache(t)
	img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x"))
	chosen := choice(t, r.Push(t, "base:1", img), img)
	var digests []v1.Hash
	for range 2 {
		b, _, err := base.Get(t.Context(), c, chosen, testkit.AMD64)
		require.NoError(t, err)
		i := testkit.Image("api", catalog.Light)
		i.Base = b
		encoded, err := i.Encode()
		require.NoError(t, err)
		digests = append(digests, encoded.Descriptor.Digest)
	}
	assert.Equal(t, digests[0], digests[1])
}

func TestGetRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		push func(t *testing.T, r *testkit.Registry) pin.Choice
		want string
	}{
		"a platform that is missing": {func(t *testing.T, r *testkit.Registry) pin.Choice {
			index := testkit.OCIIndex(t, map[*v1.Platform]v1.Image{&testkit.ARM64: testkit.OCIImage(t, testkit.ARM64)})
			return choice(t, r.Push(t, "base:1", index), index)
		}, " for linux/amd64: "},
		"layers by zstd": {func(t *testing.T, r *testkit.Registry) pin.Choice {
			img := testkit.ImageOf(t, testkit.AMD64, types.OCILayerZStd)
			return choice(t, r.Push(t, "base:1", img), img)
		}, "a layer is application/vnd.oci.image.layer.v1.tar+zstd; Lambda accepts gzip only"},
		"layers that are not compressed": {func(t *testing.T, r *testkit.Registry) pin.Choice {
			img := testkit.ImageOf(t, testkit.AMD64, types.OCIUncompressedLayer)
			return choice(t, r.Push(t, "base:1", img), img)
		}, "a layer is application/vnd.oci.image.layer.v1.tar; Lambda accepts gzip only"},
		"a layer that arrives with other bytes": {func(t *testing.T, r *testkit.Registry) pin.Choice {
			img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x"))
			chosen := choice(t, r.Push(t, "base:1", img), img)
			layers, err := img.Layers()
			require.NoError(t, err)
			size, err := layers[0].Size()
			require.NoError(t, err)
			digest := testkit.DigestOf(t, layers[0]).String()
			r.Answer = func(w http.ResponseWriter, req *http.Request) bool {
				if !strings.HasSuffix(req.URL.Path, "/blobs/"+digest) {
					return false
				}
				w.Write([]byte(strings.Repeat("?", int(size))))
				return true
			}
			return chosen
		}, "error verifying sha256 checksum"},
	} {
		t.Run(name, func(t *testing.T) {
			r, kept := testkit.NewRegistry(t), testkit.Cache(t)
			chosen := c.push(t, r)

			_, _, err := base.Get(t.Context(), kept, chosen, testkit.AMD64)

			require.ErrorContains(t, err, "get the base")
			require.ErrorContains(t, err, c.want)
			assert.False(t, base.Cached(kept, chosen, testkit.AMD64))
			assert.Empty(t, testkit.Tree(t, kept.Path()), "nothing is kept")
		})
	}
}

// unpack returns the entries and contents of a layer in the cache.
func unpack(t *testing.T, c *cache.Cache, l layer.Layer) (map[string]*tar.Header, map[string]string) {
	t.Helper()
	f, err := os.Open(c.Blob(l.Digest))
	require.NoError(t, err)
	defer f.Close()
	zr, err := gzip.NewReader(f)
	require.NoError(t, err)
	headers, contents := map[string]*tar.Header{}, map[string]string{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return headers, contents
		}
		require.NoError(t, err)
		data, err := io.ReadAll(tr)
		require.NoError(t, err)
		headers[h.Name], contents[h.Name] = h, string(data)
	}
}

func TestTheStaticBase(t *testing.T) {
	c := testkit.Cache(t)

	b, reused, err := base.Get(t.Context(), c, pin.Choice{Pin: image.Offline}, testkit.ARM64)

	require.NoError(t, err)
	assert.False(t, reused)
	assert.Equal(t, base.StaticName, b.Name)
	assert.Empty(t, b.Digest)
	assert.Equal(t, image.Offline, b.Pin)
	assert.Equal(t, "arm64", b.Config.Architecture)
	headers, contents := unpack(t, c, b.Layers[0])
	assert.Contains(t, contents["etc/passwd"], "root:x:0:0:")
	assert.Contains(t, contents["etc/passwd"], "nobody:x:65534:65534:")
	require.Contains(t, headers, "tmp/")
	assert.EqualValues(t, 0o1777, headers["tmp/"].Mode)
	assert.Contains(t, headers, "var/task/", "the working directory")
	assert.Equal(t, "/var/task", b.Config.Config.WorkingDir)

	rest, roots := []byte(contents["etc/ssl/certs/ca-certificates.crt"]), 0
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		assert.True(t, cert.IsCA, cert.Subject)
		roots++
	}
	assert.Empty(t, rest)
	assert.Greater(t, roots, 100)

	again, reused, err := base.Get(t.Context(), c, pin.Choice{Pin: image.Offline}, testkit.ARM64)
	require.NoError(t, err)
	assert.True(t, reused)
	assert.Equal(t, b, again)
}

func TestWriteAndRead(t *testing.T) {
	r, c := testkit.NewRegistry(t), testkit.Cache(t)
	img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x"))
	fetched, _, err := base.Get(t.Context(), c, choice(t, r.Push(t, "base:1", img), img), testkit.AMD64)
	require.NoError(t, err)
	static, _, err := base.Get(t.Context(), c, pin.Choice{Pin: image.Offline}, testkit.AMD64)
	require.NoError(t, err)
	static.Layers[0].Comment = "" // does not matter for the image
	for name, b := range map[string]image.Base{"from a registry": fetched, "static": static} {
		t.Run(name, func(t *testing.T) {
			dir, other := filepath.Join(t.TempDir(), "base"), testkit.Cache(t)
			require.NoError(t, base.Write(dir, c, b))

			got, err := base.Read(dir, other)

			require.NoError(t, err)
			assert.Equal(t, b.Layers, got.Layers)
			assert.True(t, other.Has(got.Layers[0].Digest, got.Layers[0].Size))
			var digests []v1.Hash
			for _, from := range []image.Base{b, got} {
				i := testkit.Image("api", catalog.Light)
				i.Base = from
				encoded, err := i.Encode()
				require.NoError(t, err)
				digests = append(digests, encoded.Descriptor.Digest)
			}
			assert.Equal(t, digests[0], digests[1], "the image is the same on either")
			testkit.NoLeftovers(t, dir)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	_, err := base.Read(filepath.Join(dir, "gone"), c)
	require.ErrorIs(t, err, os.ErrNotExist)

	testkit.Write(t, dir, map[string]string{"index.json": `{"manifests": []}`})
	_, err = base.Read(dir, c)
	require.EqualError(t, err, "read the base in "+dir+": it has 0 images, expected 1")

	testkit.Write(t, dir, map[string]string{"index.json": `{"manifests": [{"digest": "` + testkit.Digest("x").String() + `"}]}`})
	_, err = base.Read(dir, c)
	require.EqualError(t, err, "read the base in "+dir+": it does not say where it comes from; make it with `bin/ci base`")
}

func TestReadNoticesALayerThatWasChanged(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	b, _, err := base.Get(t.Context(), c, pin.Choice{Pin: image.Offline}, testkit.AMD64)
	require.NoError(t, err)
	require.NoError(t, base.Write(dir, c, b))
	blob := filepath.Join(dir, "blobs", "sha256", b.Layers[0].Digest.Hex)
	data, err := os.ReadFile(blob)
	require.NoError(t, err)
	data[len(data)/2] ^= 1
	require.NoError(t, os.Remove(blob))
	require.NoError(t, os.WriteFile(blob, data, 0o644))

	_, err = base.Read(dir, testkit.Cache(t))

	require.ErrorContains(t, err, "read the base in "+dir+": ")
	require.ErrorContains(t, err, "arrived with the digest")
}
