package testkit

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// notSources are folders with built or downloaded files.
var notSources = []string{".git", ".cache", "bin", "dist", "node_modules"}

// changed makes the go command run a test again if a file of the repository has changed.
// The go command reuses a cached result without a check of the files outside the test's
// module, but not if an environment variable that the test read has changed; `make test`
// sets one.
func changed() { _ = os.Getenv("CI_SOURCES") }

// Sources returns the files below root whose name ends in one of the extensions,
// such as .md, sorted, as relative paths with slashes. It fails if there are none.
func Sources(t testing.TB, root string, extensions ...string) []string {
	t.Helper()
	changed()
	var found []string
	require.NoError(t, fs.WalkDir(os.DirFS(root), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains(notSources, d.Name()):
			return fs.SkipDir
		case d.Type().IsRegular() && slices.Contains(extensions, path.Ext(name)):
			found = append(found, name)
		}
		return nil
	}))
	require.NotEmpty(t, found, "no file below %s ends in one of %v", root, extensions)
	return found
}

// Source returns the content of a file below root.
func Source(t testing.TB, root, name string) []byte {
	t.Helper()
	changed()
	data, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
	require.NoError(t, err)
	return data
}
