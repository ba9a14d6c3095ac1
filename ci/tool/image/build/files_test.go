package build_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// A file system that folds case opens data/x as Data/X, and an image for Linux must not have the
// name that image.json has and the repository has not.
func TestFilesAreSpelledAsTheyAre(t *testing.T) {
	root := t.TempDir()
	testkit.Write(t, root, map[string]string{"functions/api/Data/X.json": "{}", "functions/api/Data/y": ""})
	for name, c := range map[string]struct {
		file string
		err  string // after the file and its field
	}{
		"a file":            {"Data/X.json", ""},
		"a folder":          {"Data", ""},
		"in other case":     {"Data/x.json", "functions/api/Data/x.json does not exist, but functions/api/Data/X.json does; write it like that"},
		"its folder is":     {"data", "functions/api/data does not exist, but functions/api/Data does; write it like that"},
		"what is not there": {"data/z", "functions/api/data/z does not exist; correct it, or remove it"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := build.Files(root, catalog.Function{Folder: "functions/api", Options: catalog.Options{Files: []string{c.file}}})

			if c.err == "" {
				require.NoError(t, err)
				return
			}
			assert.EqualError(t, err, "functions/api/image.json: files: "+c.err)
		})
	}
}
