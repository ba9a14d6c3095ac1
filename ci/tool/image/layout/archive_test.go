package layout_test

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/internal/testkit"
)

// unpack writes the files of a tar into a folder.
func unpack(t *testing.T, archive []byte) string {
	t.Helper()
	dir := t.TempDir()
	for tr := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return dir
		}
		require.NoError(t, err)
		data, err := io.ReadAll(tr)
		require.NoError(t, err)
		assert.Zero(t, h.ModTime.Unix(), h.Name)
		testkit.Write(t, dir, map[string]string{h.Name: string(data)})
	}
}

func TestArchive(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	thumb := testkit.Kept(t, c, "thumb", "1")
	require.NoError(t, layout.Write(dir, []v1.Descriptor{thumb, testkit.Kept(t, c, "api", "1")}, c, all))
	var out, again bytes.Buffer

	require.NoError(t, layout.Archive(&out, dir, "thumb"))
	require.NoError(t, layout.Archive(&again, dir, "thumb"))

	assert.True(t, bytes.Equal(out.Bytes(), again.Bytes()), "twice the same bytes")
	assert.Equal(t, []string{"thumb"}, names(t, unpack(t, out.Bytes())), "an image layout with one image")
	file := filepath.Join(t.TempDir(), "thumb.tar")
	require.NoError(t, os.WriteFile(file, out.Bytes(), 0o644))
	img, err := tarball.ImageFromPath(file, nil)
	require.NoError(t, err, "as docker load reads it")
	require.NoError(t, validate.Image(img))
	layers, err := img.Layers()
	require.NoError(t, err)
	assert.Len(t, layers, 3)
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(file) })
	require.NoError(t, err)
	assert.Equal(t, []string{"thumb:latest"}, manifest[0].RepoTags)
}

func TestArchiveRefuses(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	api := testkit.Kept(t, c, "api", "1")
	require.NoError(t, layout.Write(dir, []v1.Descriptor{api}, c, all))
	manifest := filepath.Join(dir, "blobs", "sha256", api.Digest.Hex)

	require.EqualError(t, layout.Archive(io.Discard, dir, "tumb"), "write image tumb as an archive: "+dir+" has no image \"tumb\"; build it with `bin/ci build-all`")
	require.ErrorIs(t, layout.Archive(io.Discard, filepath.Join(dir, "gone"), "api"), os.ErrNotExist)
	closed := errors.New("closed")
	require.ErrorIs(t, layout.Archive(failing{closed}, dir, "api"), closed)

	require.NoError(t, os.Remove(manifest))
	require.ErrorIs(t, layout.Archive(io.Discard, dir, "api"), os.ErrNotExist)
}

func TestArchiveRefusesABlobThatIsCutOff(t *testing.T) {
	c, dir := testkit.Cache(t), t.TempDir()
	api := testkit.Kept(t, c, "api", "1")
	require.NoError(t, layout.Write(dir, []v1.Descriptor{api}, c, all))
	for name, content := range testkit.Tree(t, filepath.Join(dir, "blobs", "sha256")) {
		if name == api.Digest.Hex {
			continue
		}
		blob := filepath.Join(dir, "blobs", "sha256", name)
		require.NoError(t, os.Remove(blob))
		require.NoError(t, os.WriteFile(blob, []byte(content[1:]), 0o644))
	}

	require.ErrorContains(t, layout.Archive(io.Discard, dir, "api"), "write image api as an archive: ")
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }
