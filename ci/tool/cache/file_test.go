package cache_test

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/internal/testkit"
)

func TestCopyAndLink(t *testing.T) {
	when := time.Date(2020, 1, 2, 3, 4, 5, 6000, time.UTC)
	for name, tc := range map[string]struct {
		make   func(source, target string) error
		linked bool
	}{
		"Copy":       {cache.Copy, false},
		"LinkOrCopy": {cache.LinkOrCopy, true},
	} {
		for _, target := range []string{"new", "in/a/new/folder", "old", "read-only", "self"} {
			t.Run(name+" to "+target, func(t *testing.T) {
				dir := t.TempDir()
				source, target := filepath.Join(dir, "source"), filepath.Join(dir, target)
				testkit.Write(t, dir, map[string]string{"source": "content", "old": "a longer former content", "read-only": "x"})
				require.NoError(t, os.Chmod(filepath.Join(dir, "read-only"), 0o444))
				require.NoError(t, os.Chmod(source, 0o777)) // more than a usual umask lets through
				require.NoError(t, os.Chtimes(source, when, when))
				require.NoError(t, os.Link(source, filepath.Join(dir, "self")))

				require.NoError(t, tc.make(source, target))

				data, err := os.ReadFile(target)
				require.NoError(t, err)
				assert.Equal(t, "content", string(data))
				from, err := os.Stat(source)
				require.NoError(t, err)
				to, err := os.Stat(target)
				require.NoError(t, err)
				assert.Equal(t, os.FileMode(0o777), to.Mode())
				assert.True(t, when.Equal(to.ModTime()), "%s", to.ModTime())
				assert.Equal(t, tc.linked, os.SameFile(from, to))
				testkit.NoLeftovers(t, dir)
			})
		}
		t.Run(name+" of nothing", func(t *testing.T) {
			dir := t.TempDir()
			testkit.Write(t, dir, map[string]string{"target": "as it was"})

			err := tc.make(filepath.Join(dir, "gone"), filepath.Join(dir, "target"))

			require.ErrorIs(t, err, os.ErrNotExist)
			assert.Equal(t, map[string]string{"target": "as it was"}, testkit.Tree(t, dir))
			testkit.NoLeftovers(t, dir)
		})
	}
}

func TestLinkOrCopyCopiesWhatCannotBeLinked(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux has a file system of its own here without root")
	}
	dir := t.TempDir()
	const source = "/proc/self/status" // on another file system than any folder

	require.NoError(t, cache.LinkOrCopy(source, filepath.Join(dir, "target")))

	data, err := os.ReadFile(filepath.Join(dir, "target"))
	require.NoError(t, err)
	assert.Contains(t, string(data), "Pid:")
	testkit.NoLeftovers(t, dir)
}

func TestExport(t *testing.T) {
	c, _ := newCache(t)
	digest, err := c.PutBytes([]byte("layer"))
	require.NoError(t, err)
	dir := t.TempDir()

	require.NoError(t, c.Export(digest, filepath.Join(dir, "out", "layer.tar.gz")))
	assert.Equal(t, map[string]string{"out/layer.tar.gz": "layer"}, testkit.Tree(t, dir))

	err = c.Export(digestOf("gone"), filepath.Join(dir, "gone"))
	assertOneLine(t, err, "write "+filepath.Join(dir, "gone")+": ")
}

func TestWriteFileReplacesInOneStep(t *testing.T) {
	dir := t.TempDir()
	name := filepath.Join(dir, "file")
	testkit.Write(t, dir, map[string]string{"file": "before"})
	reader, err := os.Open(name)
	require.NoError(t, err)
	defer reader.Close()

	require.NoError(t, cache.WriteFile(name, []byte("after")))

	old := make([]byte, 16)
	n, err := reader.Read(old)
	require.NoError(t, err)
	assert.Equal(t, "before", string(old[:n]), "who reads it sees the one or the other")
	info, err := os.Stat(name)
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o644), info.Mode())
	assert.Equal(t, map[string]string{"file": "after"}, testkit.Tree(t, dir))
}

func TestWriteFileThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{"folder/x": "in the way"})

	require.Error(t, cache.WriteFile(filepath.Join(dir, "folder"), []byte("x")))

	assert.Equal(t, map[string]string{"folder/x": "in the way"}, testkit.Tree(t, dir))
	testkit.NoLeftovers(t, dir)
}
