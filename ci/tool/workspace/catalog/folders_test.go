package catalog_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestWhichFoldersAreFunctions(t *testing.T) {
	const program = "package main\n\nfunc main() {}\n"
	for name, c := range map[string]struct {
		change map[string]string
		images []string
		err    string
	}{
		"folders without a program": {map[string]string{
			"functions/events/put.json": "{}", "functions/mocks/mock.go": "package mocks\n", "functions/tools/gen.go": "//go:build ignore\n\npackage main\n",
			"functions/cases/main_test.go": "package main\n", "functions/README.md": "text"},
			[]string{"api", "enhance", "thumb"}, ""},
		"a program without image.json": {map[string]string{"functions/new/main.go": program}, nil,
			"functions/new/image.json: is missing; add one with the fields image, variant, registry, lambda, reason"},
		"a program that is left out": {map[string]string{"functions/new/main.go": program,
			catalog.PipelineFile: `{"functions": ["functions/*", "!functions/new"]}`}, []string{"api", "enhance", "thumb"}, ""},
		"some folders": {map[string]string{catalog.PipelineFile: `{"functions": ["functions/media-lambda", "functions/e*"]}`}, []string{"api", "enhance"}, ""},
		"a folder twice": {map[string]string{catalog.PipelineFile: `{"functions": ["functions/media-lambda", "functions/*"]}`},
			[]string{"api", "enhance", "thumb"}, ""},
		"a folder that is not there": {map[string]string{catalog.PipelineFile: `{"functions": ["cmd/*"]}`}, nil,
			"ci/pipeline.json: functions: no folder of cmd/* has an image.json or a program; name the folders of the functions"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			testkit.Write(t, root, testkit.Files(t))
			testkit.Write(t, root, c.change)

			got, err := catalog.Load(root)

			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				return
			}
			require.NoError(t, err)
			var images []string
			for _, f := range got.Functions {
				images = append(images, f.Image)
			}
			assert.Equal(t, c.images, images)
		})
	}
}

func TestALinkAboveTheFunctionsIsRefused(t *testing.T) {
	root := t.TempDir()
	testkit.Write(t, root, testkit.Files(t))
	require.NoError(t, os.Rename(filepath.Join(root, "functions"), filepath.Join(root, "moved")))
	require.NoError(t, os.Symlink("moved", filepath.Join(root, "functions")))

	_, err := catalog.Load(root)

	require.ErrorContains(t, err, "functions: is a symbolic link to the folder moved")
}
