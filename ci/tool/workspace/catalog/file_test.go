package catalog_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestReadFile(t *testing.T) {
	elsewhere := t.TempDir()
	testkit.Write(t, elsewhere, map[string]string{"a.json": "from elsewhere"})
	for name, c := range map[string]struct {
		make func(t *testing.T, root, file string) error
		want string // the content
		fix  string
	}{
		"a file":   {func(_ *testing.T, _, file string) error { return os.WriteFile(file, []byte("here"), 0o600) }, "here", ""},
		"a folder": {func(_ *testing.T, _, file string) error { return os.Mkdir(file, 0o700) }, "", "is a folder; put a regular file here"},
		"a named pipe": {func(t *testing.T, _, file string) error { testkit.Fifo(t, file); return nil },
			"", "is a named pipe; put a regular file here"},
		"a link to a device": {func(_ *testing.T, _, file string) error { return os.Symlink("/dev/zero", file) },
			"", "is a device; put a regular file here"},
		"a link to nothing": {func(_ *testing.T, _, file string) error { return os.Symlink("b.json", file) },
			"", "is a symbolic link to b.json, which does not exist; put the file itself here"},
		"a link inside the workspace": {func(t *testing.T, root, file string) error {
			testkit.Write(t, root, map[string]string{"b.json": "beside"})
			return os.Symlink("../b.json", file)
		}, "beside", ""},
		"a link out of the workspace": {func(_ *testing.T, _, file string) error { return os.Symlink(elsewhere+"/a.json", file) },
			"", "is " + elsewhere + "/a.json, outside the workspace, through a symbolic link; put the file itself here"},
		"a folder that is a link out of the workspace": {func(t *testing.T, root, _ string) error {
			require.NoError(t, os.Remove(filepath.Join(root, "in")))
			return os.Symlink(elsewhere, filepath.Join(root, "in"))
		}, "", "is " + elsewhere + "/a.json, outside the workspace, through a symbolic link; put the file itself here"},
	} {
		t.Run(name, func(t *testing.T) {
			// The workspace itself is reached through a link, which is no problem.
			root := filepath.Join(t.TempDir(), "link")
			require.NoError(t, os.Symlink(t.TempDir(), root))
			require.NoError(t, os.Mkdir(filepath.Join(root, "in"), 0o700))
			require.NoError(t, c.make(t, root, filepath.Join(root, "in", "a.json")))

			data, err := catalog.ReadFile(root, "in/a.json")

			assert.Equal(t, c.want, string(data))
			if c.fix == "" {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, catalog.Problem{File: "in/a.json", Fix: c.fix}, err)
		})
	}
}

func TestReadFileThatIsMissing(t *testing.T) {
	_, err := catalog.ReadFile(t.TempDir(), "a.json")

	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestReadFileOfAModuleBesideTheWorkspace(t *testing.T) {
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{"beside/go.mod": "module beside\n", "workspace/go.work": "go 1.26.1\n"})

	data, err := catalog.ReadFile(filepath.Join(dir, "workspace"), "../beside/go.mod")

	require.NoError(t, err)
	assert.Equal(t, "module beside\n", string(data))
}

// Every file that describes the workspace is read in this way.
func TestLoadRefusesANamedPipe(t *testing.T) {
	for name, want := range map[string]string{
		"go.work":                           "read the workspace: go.work: is a named pipe; put a regular file here",
		"functions/media-lambda/go.mod":     "functions/media-lambda/go.mod: is a named pipe; put a regular file here",
		"functions/media-lambda/image.json": "functions/media-lambda/image.json: is a named pipe; put a regular file here",
	} {
		t.Run(name, func(t *testing.T) {
			root := testkit.Workspace(t, nil).Root
			require.NoError(t, os.Remove(filepath.Join(root, name)))
			testkit.Fifo(t, filepath.Join(root, name))

			_, err := catalog.Load(root)

			assert.EqualError(t, err, want)
		})
	}
}

func TestLoadOfLinks(t *testing.T) {
	elsewhere := t.TempDir()
	for name, c := range map[string]struct {
		link, target string
		want         string // none: the link is ignored
	}{
		"a function that is a link": {"functions/new", elsewhere,
			"functions/new: is a symbolic link to the folder " + elsewhere + "; move the folder itself here, because Go and git do not follow links to folders"},
		"a link to a function": {"functions/new", "media-lambda",
			"functions/new: is a symbolic link to the folder media-lambda; move the folder itself here, because Go and git do not follow links to folders"},
		"a link to nothing": {"functions/new", "nowhere",
			"functions/new: is a symbolic link to nowhere, which does not exist; remove it, or put the folder itself here"},
		"a link to itself": {"functions/new", "new",
			"functions/new: is a symbolic link that cannot be followed (stat ROOT/functions/new: too many levels of symbolic links); remove it, or put the folder itself here"},
		"a link to a file":         {"functions/README.md", "../go.work", ""},
		"a hidden link":            {"functions/.new", elsewhere, ""},
		"a link that Go ignores":   {"functions/_new", elsewhere, ""},
		"a link beside functions/": {"more", elsewhere, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := testkit.Workspace(t, nil).Root
			require.NoError(t, os.Symlink(c.target, filepath.Join(root, c.link)))

			found, err := catalog.Load(root)

			if c.want == "" {
				require.NoError(t, err)
				assert.Len(t, found.Functions, 3)
				return
			}
			assert.EqualError(t, err, strings.ReplaceAll(c.want, "ROOT", root))
		})
	}
}

func TestLoadOfALinkToAllFunctions(t *testing.T) {
	root := testkit.Workspace(t, nil).Root
	require.NoError(t, os.Rename(filepath.Join(root, "functions"), filepath.Join(root, "lambdas")))
	require.NoError(t, os.Symlink("lambdas", filepath.Join(root, "functions")))

	_, err := catalog.Load(root)

	assert.EqualError(t, err, "functions: is a symbolic link to the folder lambdas; move the folder itself here, because Go and git do not follow links to folders")
}
