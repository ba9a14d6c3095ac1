package cache_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/internal/testkit"
)

func TestOutputFolder(t *testing.T) {
	for name, c := range map[string]struct {
		before map[string]string // the files in the folder; nil if there is no folder
		clean  bool              // git sees nothing in it
	}{
		"no folder":                         {nil, true},
		"an empty folder":                   {map[string]string{}, true},
		"a folder of an earlier version":    {map[string]string{"blobs/x": ""}, true},
		"a folder that has the file":        {map[string]string{"blobs/x": "", ".gitignore": "*\n"}, true},
		"a folder with a file of the user":  {map[string]string{"blobs/x": "", "main.go": ""}, false},
		"a folder with rules of the user's": {map[string]string{".gitignore": "*.o\n"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			dir := filepath.Join(root, "out", "dist")
			if c.before != nil {
				require.NoError(t, os.MkdirAll(dir, 0o700))
				testkit.Write(t, dir, c.before)
			}

			require.NoError(t, cache.OutputFolder(dir, "blobs"))

			testkit.Write(t, dir, map[string]string{"blobs/y": ""})
			require.NoError(t, exec.Command("git", "-C", root, "init", "-q").Run())
			status, err := exec.Command("git", "-C", root, "status", "--porcelain").Output()
			require.NoError(t, err)
			assert.Equal(t, c.clean, len(status) == 0, string(status))
			if rules, there := c.before[".gitignore"]; there {
				kept, err := os.ReadFile(filepath.Join(dir, ".gitignore"))
				require.NoError(t, err)
				assert.Equal(t, rules, string(kept))
			}
		})
	}
}

func TestWritable(t *testing.T) {
	root := t.TempDir()
	testkit.Write(t, root, map[string]string{"folder/file": ""})
	for name, c := range map[string]struct{ dir, want string }{
		"a folder":              {"folder", ""},
		"a folder to be made":   {"folder/new/newer", ""},
		"a file":                {"folder/file", "write ROOT/folder/file: not a directory"},
		"a folder below a file": {"folder/file/new/newer", "mkdir ROOT/folder/file/new: not a directory"},
	} {
		t.Run(name, func(t *testing.T) {
			err := cache.Writable(filepath.Join(root, c.dir))

			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.EqualError(t, err, strings.ReplaceAll(c.want, "ROOT", root))
		})
	}
	assert.NoDirExists(t, filepath.Join(root, "folder", "new"), "nothing is made")
}
