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

// notSources are folders that hold what was built or fetched.
var notSources = []string{".git", ".cache", "bin", "dist", "node_modules"}

// changed makes the go command run a test again when `make test` says that a file of
// the repository is another: it takes a result from its cache without a look at files
// outside the test's module, but not when a variable that the test read has changed.
func changed() { _ = os.Getenv("CI_SOURCES") }

// Sources returns the files below root whose name ends in one of the extensions,
// such as .md, slash-separated and relative, in order. It fails when there is none.
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
