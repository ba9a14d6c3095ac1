package layer_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/internal/testkit"
)

func newCache(t *testing.T) (*cache.Cache, string) {
	t.Helper()
	dir := t.TempDir()
	c, err := cache.New(dir)
	require.NoError(t, err)
	return c, dir
}

// counting returns a file that counts how often it is opened.
func counting(opened *int, name, content string) layer.File {
	f := layer.Text(name, 0o644, content)
	open := f.Open
	f.Open = func() (io.ReadCloser, error) { *opened++; return open() }
	return f
}

func TestKeep(t *testing.T) {
	c, dir := newCache(t)
	first, reused, err := layer.Keep(c, []layer.File{layer.Text("a", 0o644, "x")}, "comment")
	require.NoError(t, err)
	assert.False(t, reused)
	assert.True(t, c.Has(first.Digest, first.Size))
	var direct bytes.Buffer
	want, err := layer.Write(&direct, []layer.File{layer.Text("a", 0o644, "x")}, "comment")
	require.NoError(t, err)
	assert.Equal(t, want, first)

	for name, tc := range map[string]struct {
		file    layer.File
		comment string
		reused  bool
	}{
		"the same":        {layer.Text("a", 0o644, "x"), "comment", true},
		"another content": {layer.Text("a", 0o644, "y"), "comment", false},
		"another path":    {layer.Text("b", 0o644, "x"), "comment", false},
		"another mode":    {layer.Text("a", 0o755, "x"), "comment", false},
		"another comment": {layer.Text("a", 0o644, "x"), "more", false},
	} {
		t.Run(name, func(t *testing.T) {
			l, reused, err := layer.Keep(c, []layer.File{tc.file}, tc.comment)

			require.NoError(t, err)
			assert.Equal(t, tc.reused, reused)
			assert.Equal(t, tc.reused, l == first)
			assert.Equal(t, tc.comment, l.Comment)
			assert.True(t, c.Has(l.Digest, l.Size))
		})
	}
	testkit.NoLeftovers(t, dir)
}

func TestKeepReadsNothingWhenTheDigestIsKnown(t *testing.T) {
	c, _ := newCache(t)
	opened := 0
	f := counting(&opened, "a", "x")
	f.Digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
	for _, want := range []int{1, 1} {
		_, _, err := layer.Keep(c, []layer.File{f}, "")
		require.NoError(t, err)
		assert.Equal(t, want, opened)
	}
}

func TestKeepRefusesAFileThatChanges(t *testing.T) {
	c, dir := newCache(t)
	f := layer.Text("a", 0o644, "new content")
	f.Digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881" // of "x"

	_, _, err := layer.Keep(c, []layer.File{f}, "")

	require.ErrorContains(t, err, "changed while it was read; build again")
	assert.Empty(t, testkit.Tree(t, dir))
}

func TestKeepAsOpensOnlyWhatIsNotKept(t *testing.T) {
	c, _ := newCache(t)
	opened := 0
	keep := func() (layer.Layer, bool) {
		l, reused, err := layer.KeepAs(c, "key", "comment", func() ([]layer.File, error) {
			opened++
			return []layer.File{layer.Text("a", 0o644, "x")}, nil
		})
		require.NoError(t, err)
		return l, reused
	}

	first, reused := keep()
	assert.False(t, reused)
	again, reused := keep()
	assert.True(t, reused)
	assert.Equal(t, first, again)
	assert.Equal(t, 1, opened)

	require.NoError(t, os.Remove(c.Blob(first.Digest)))
	again, reused = keep()
	assert.False(t, reused, "the blob is gone")
	assert.Equal(t, first, again)
	assert.Equal(t, 2, opened)

	require.NoError(t, os.Remove(c.Blob(first.Digest)))
	require.NoError(t, os.WriteFile(c.Blob(first.Digest), []byte("cut"), 0o644))
	again, reused = keep()
	assert.False(t, reused, "the blob is cut off")
	assert.Equal(t, first, again)
	assert.True(t, c.Has(first.Digest, first.Size))
}

func TestKeepAsMakesANewLayerForAnotherCompressor(t *testing.T) {
	c, _ := newCache(t)
	files := func() ([]layer.File, error) { return []layer.File{layer.Text("a", 0o644, "x")}, nil }
	_, _, err := layer.KeepAs(c, "key", "", files)
	require.NoError(t, err)
	layer.SetCompressor(t, "v99")

	_, reused, err := layer.KeepAs(c, "key", "", files)

	require.NoError(t, err)
	assert.False(t, reused)
}

func TestKeepAsThatFailsLeavesNothing(t *testing.T) {
	c, dir := newCache(t)
	broken := errors.New("broken")

	_, _, err := layer.KeepAs(c, "key", "", func() ([]layer.File, error) { return nil, broken })
	require.ErrorIs(t, err, broken)
	bad := layer.Text("a", 0o644, "x")
	bad.Open = func() (io.ReadCloser, error) { return nil, broken }
	_, _, err = layer.KeepAs(c, "key", "", func() ([]layer.File, error) { return []layer.File{bad}, nil })
	require.ErrorIs(t, err, broken)
	_, _, err = layer.Keep(c, []layer.File{bad}, "")
	require.ErrorIs(t, err, broken)

	assert.Empty(t, testkit.Tree(t, dir))
}

func TestImport(t *testing.T) {
	var data bytes.Buffer
	written, err := layer.Write(&data, []layer.File{layer.Text("a", 0o644, "x")}, "npm x@1")
	require.NoError(t, err)
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{"layer.tar.gz": data.String(), "bad.tar.gz": "no layer"})
	c, cacheDir := newCache(t)

	for range 2 { // the second time its record is there
		l, err := layer.Import(c, filepath.Join(dir, "layer.tar.gz"))
		require.NoError(t, err)
		assert.Equal(t, written, l)
		assert.True(t, c.Has(l.Digest, l.Size))
	}

	_, err = layer.Import(c, filepath.Join(dir, "bad.tar.gz"))
	require.ErrorContains(t, err, "read the layer "+filepath.Join(dir, "bad.tar.gz")+": ")
	_, err = layer.Import(c, filepath.Join(dir, "gone"))
	require.ErrorIs(t, err, os.ErrNotExist)
	testkit.NoLeftovers(t, cacheDir)
}

// The comment is part of the layer's bytes, so a layer with another comment is not
// reused.
func TestKeepAsMakesANewLayerForAnotherComment(t *testing.T) {
	c, _ := newCache(t)
	files := func() ([]layer.File, error) { return []layer.File{layer.Text("a", 0o644, "x")}, nil }
	before, _, err := layer.KeepAs(c, "key", "image:7", files)
	require.NoError(t, err)

	l, reused, err := layer.KeepAs(c, "key", "image:7@sha256:1", files)

	require.NoError(t, err)
	assert.False(t, reused)
	assert.Equal(t, "image:7@sha256:1", l.Comment)
	assert.NotEqual(t, before.Digest, l.Digest)
}

func TestImportDoesNotWriteWhatIsKept(t *testing.T) {
	c, dir := newCache(t)
	made, _, err := layer.KeepAs(c, "key", "comment", func() ([]layer.File, error) {
		return []layer.File{layer.Text("a", 0o644, "x")}, nil
	})
	require.NoError(t, err)
	file := filepath.Join(dir, "layer.tar.gz")
	require.NoError(t, c.Export(made.Digest, file))
	before, err := os.Stat(c.Blob(made.Digest))
	require.NoError(t, err)

	imported, err := layer.Import(c, file)

	require.NoError(t, err)
	assert.Equal(t, made, imported)
	after, err := os.Stat(c.Blob(made.Digest))
	require.NoError(t, err)
	assert.Equal(t, before.ModTime(), after.ModTime())
	assert.True(t, os.SameFile(before, after))
}
