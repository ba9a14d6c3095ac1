package scaffold_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/scaffold"
)

// builds fails the test if the catalog or go does not accept the workspace.
func builds(t *testing.T, root string) *catalog.Catalog {
	t.Helper()
	c, err := catalog.Load(root)
	require.NoError(t, err)
	for _, f := range c.Functions {
		cmd := exec.CommandContext(t.Context(), "go", "vet", "./...")
		cmd.Dir = filepath.Join(root, f.Folder)
		cmd.Env = append(os.Environ(), "GOFLAGS=", "GOPROXY=off")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", f.Folder, out)
	}
	return c
}

func find(t *testing.T, c *catalog.Catalog, image string) catalog.Function {
	t.Helper()
	found, err := c.Select([]string{image})
	require.NoError(t, err)
	return found[0]
}

func TestRemove(t *testing.T) {
	c := testkit.Workspace(t, map[string]string{catalog.PipelineFile: `{"keep": 4, "functions": ["functions/m*", "functions/e*", "functions/thumbnail-lambda"]}`})
	m, err := scaffold.Remove(c, find(t, c, "thumb"))
	require.NoError(t, err)

	assert.Equal(t, []string{"go.work", catalog.PipelineFile}, m.Files)
	assert.NoDirExists(t, filepath.Join(c.Root, "functions/thumbnail-lambda"))
	after := builds(t, c.Root)
	assert.Len(t, after.Functions, 2)
	assert.Equal(t, []string{"functions/m*", "functions/e*"}, after.Pipeline.Functions)
	assert.Equal(t, 4, after.Pipeline.Keep, "what the file says beside that stays")
}

func TestRename(t *testing.T) {
	c := testkit.Workspace(t, map[string]string{
		"functions/thumbnail-lambda/image.json":   testkit.Description(t, catalog.Function{Image: "thumbnail", Variant: "heavy", Registry: "public", Lambda: "Thumb"}),
		"functions/thumbnail-lambda/size/size.go": "package size\n\nconst Of = 3\n",
		"functions/thumbnail-lambda/main.go":      "package main\n\nimport \"lambdas.internal/functions/thumbnail-lambda/size\"\n\nfunc main() { println(size.Of) }\n",
	})
	m, err := scaffold.Rename(c, find(t, c, "thumbnail"), "preview")
	require.NoError(t, err)

	assert.Equal(t, "functions/preview-lambda", m.Folder)
	assert.Equal(t, []string{"functions/preview-lambda/main.go", "go.work"}, m.Files)
	after := builds(t, c.Root)
	f := find(t, after, "preview")
	assert.Equal(t, "functions/preview-lambda", f.Folder)
	assert.Equal(t, "Thumb", f.Lambda, "the function in AWS keeps its name")

	m, err = scaffold.Rename(after, find(t, after, "api"), "front")
	require.NoError(t, err)
	assert.Equal(t, "functions/media-lambda", m.Folder, "it never had the name of its image")
	find(t, builds(t, c.Root), "front")

	for name, says := range map[string]string{"enhance": "is already the image of functions/enhance-lambda", "A": "is not a valid name", "front": "is its name already"} {
		again, err := catalog.Load(c.Root)
		require.NoError(t, err)
		_, err = scaffold.Rename(again, find(t, again, "front"), name)
		require.ErrorContains(t, err, says)
	}
}

// A program of a module with several has no module of its own.
func TestRenameAndRemoveInOneModule(t *testing.T) {
	root := t.TempDir()
	describe := func(image string) string {
		return testkit.Description(t, catalog.Function{Image: image, Variant: "light", Registry: "private", Lambda: image})
	}
	testkit.Write(t, root, map[string]string{
		"go.mod": testkit.GoMod("example.com/x", "toolchain "+testkit.Toolchain()), catalog.PipelineFile: `{"functions": ["cmd/one", "cmd/two"], "proprietary": "none"}`,
		"cmd/one/main.go": "package main\n\nimport \"example.com/x/cmd/one/part\"\n\nfunc main() { println(part.Of) }\n", "cmd/one/part/part.go": "package part\n\nconst Of = 1\n",
		"cmd/two/main.go": "package main\n\nfunc main() {}\n", "cmd/one/image.json": describe("one"), "cmd/two/image.json": describe("two"),
	})
	c := builds(t, root)
	_, err := scaffold.Rename(c, find(t, c, "one"), "first")
	require.NoError(t, err)
	c = builds(t, root)
	assert.Equal(t, []string{"cmd/two", "cmd/first"}, c.Pipeline.Functions)
	_, err = scaffold.Remove(c, find(t, c, "two"))
	require.NoError(t, err)
	c = builds(t, root)
	require.Len(t, c.Functions, 1)
	assert.Equal(t, "first", c.Functions[0].Image)
}
