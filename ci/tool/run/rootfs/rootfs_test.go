package rootfs_test

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/run/rootfs"
)

// write makes a layout with one image, "it", with the given layers.
func write(t *testing.T, layers ...[]tar.Header) string {
	t.Helper()
	img := empty.Image
	for _, headers := range layers {
		var b bytes.Buffer
		tw := tar.NewWriter(&b)
		for _, h := range headers {
			if h.Typeflag == tar.TypeReg {
				h.Size = int64(len(h.Name))
			}
			require.NoError(t, tw.WriteHeader(&h))
			if h.Typeflag == tar.TypeReg {
				_, err := tw.Write([]byte(h.Name)) // a file's content is its name
				require.NoError(t, err)
			}
		}
		require.NoError(t, tw.Close())
		l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b.Bytes())), nil })
		require.NoError(t, err)
		img, err = mutate.AppendLayers(img, l)
		require.NoError(t, err)
	}
	dir := t.TempDir()
	path, err := layout.Write(dir, empty.Index)
	require.NoError(t, err)
	require.NoError(t, path.AppendImage(img, layout.WithAnnotations(map[string]string{image.AnnotationRefName: "it"}),
		layout.WithPlatform(v1.Platform{OS: "linux", Architecture: "amd64"})))
	return dir
}

func TestUnpack(t *testing.T) {
	dir := write(t,
		[]tar.Header{
			{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777},
			{Typeflag: tar.TypeReg, Name: "etc/below", Mode: 0o644},
			{Typeflag: tar.TypeReg, Name: "etc/gone", Mode: 0o644},
		},
		[]tar.Header{
			{Typeflag: tar.TypeReg, Name: "etc/.wh.gone", Mode: 0o644},
			{Typeflag: tar.TypeReg, Name: "bin/tool", Mode: 0o755},
			{Typeflag: tar.TypeSymlink, Name: "bin/alias", Linkname: "tool"},
			{Typeflag: tar.TypeLink, Name: "bin/second", Linkname: "bin/tool"},
		})
	target := filepath.Join(t.TempDir(), "root")
	require.NoError(t, rootfs.Unpack(t.Context(), dir, "it", target))

	for _, name := range []string{"bin/tool", "bin/alias", "bin/second"} {
		data, err := os.ReadFile(filepath.Join(target, name))
		require.NoError(t, err)
		assert.Equal(t, "bin/tool", string(data))
	}
	assert.FileExists(t, filepath.Join(target, "etc/below"))
	assert.NoFileExists(t, filepath.Join(target, "etc/gone"), "a whiteout removes the file of the layer below")
	for name, mode := range map[string]os.FileMode{"tmp": 0o777 | os.ModeSticky | os.ModeDir, "bin/tool": 0o755} {
		info, err := os.Stat(filepath.Join(target, name))
		require.NoError(t, err)
		assert.Equal(t, mode, info.Mode(), name)
	}
}

func TestUnpackStaysInside(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "outside")
	require.NoError(t, os.Mkdir(outside, 0o755))
	for name, layers := range map[string][]tar.Header{
		"a name that climbs": {{Typeflag: tar.TypeReg, Name: "../outside/x", Mode: 0o644}},
		"a link to a folder outside, and a file behind it": {
			{Typeflag: tar.TypeSymlink, Name: "way", Linkname: outside},
			{Typeflag: tar.TypeReg, Name: "way/x", Mode: 0o644},
		},
	} {
		t.Run(name, func(t *testing.T) {
			// Unpack may fail or leave such an entry out; both are fine.
			_ = rootfs.Unpack(t.Context(), write(t, layers), "it", filepath.Join(filepath.Dir(outside), "root"))
			left, err := os.ReadDir(outside)
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}

func TestUnpackAnUnknownImage(t *testing.T) {
	err := rootfs.Unpack(t.Context(), write(t), "other", t.TempDir())
	require.ErrorContains(t, err, `has no image "other"; build it with`)
}
