package gobuild_test

import (
	"debug/elf"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// A function is stale from a save that concerns it until it is compiled.
func TestStale(t *testing.T) {
	c, dir := testkit.Workspace(t, nil), t.TempDir()
	stale := func() []bool {
		all, err := gobuild.Stale(c, c.Functions, testkit.AMD64, dir)
		require.NoError(t, err)
		return all
	}
	assert.Equal(t, []bool{true, true, true}, stale(), "nothing is compiled yet")
	compile(t, c, dir)
	assert.Equal(t, []bool{false, false, false}, stale())
	for _, step := range []struct {
		name, file, content string
		want                []bool
	}{
		{"a function", api + "/main.go", "package main\n\nfunc main() { println(\"edited\") }\n", []bool{true, false, false}},
		{"a package of two functions", "shared/greet/a.go", "package greet\n\nconst Word = \"edited\"\n", []bool{false, true, true}},
		{"a test", api + "/main_test.go", "package main\n", []bool{true, false, false}}, // in the folder, and not in the binary
		{"a README", api + "/README.md", "read me", []bool{false, false, false}},
	} {
		testkit.Write(t, c.Root, map[string]string{step.file: step.content})
		assert.Equal(t, step.want, stale(), step.name)
		compile(t, c, dir)
		assert.Equal(t, []bool{false, false, false}, stale(), step.name)
	}
	testkit.Write(t, c.Root, map[string]string{"go.work": "go"})
	_, err := gobuild.Stale(c, c.Functions, testkit.AMD64, dir)
	require.ErrorContains(t, err, "go.work:1")
}

// The folders are those of the modules, also outside of the workspace.
func TestFolders(t *testing.T) {
	c := testkit.Workspace(t, nil)
	folders, err := gobuild.Folders(c, c.Functions)
	require.NoError(t, err)
	assert.Equal(t, []string{c.Root}, folders)

	inside := filepath.Join(c.Root, "inside")
	beside := filepath.Join(filepath.Dir(c.Root), "beside")
	require.NoError(t, os.MkdirAll(inside, 0o755))
	testkit.Write(t, beside, map[string]string{"go.mod": testkit.GoMod("example.org/beside")})
	t.Cleanup(func() { assert.NoError(t, os.RemoveAll(beside)) })
	testkit.Write(t, c.Root, map[string]string{"go.work": testkit.Files(t)["go.work"] + "\nreplace example.org/beside => ../beside\n"})
	folders, err = gobuild.Folders(c, c.Functions)
	require.NoError(t, err)
	assert.ElementsMatch(t, []string{c.Root, beside}, folders)
}

func TestForDebugger(t *testing.T) {
	c := testkit.Workspace(t, nil)
	file, err := gobuild.ForDebugger(t.Context(), c, c.Functions[0], testkit.AMD64, t.TempDir())
	require.NoError(t, err)
	f, err := elf.Open(file)
	require.NoError(t, err)
	defer f.Close()
	_, err = f.DWARF()
	require.NoError(t, err)
	content, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(content), filepath.Join(c.Root, api, "main.go"))

	testkit.Write(t, c.Root, map[string]string{api + "/main.go": "package main\n\nfunc main() { undefined() }\n"})
	_, err = gobuild.ForDebugger(t.Context(), c, c.Functions[0], testkit.AMD64, t.TempDir())
	require.ErrorAs(t, err, new(*gobuild.CompileError))
}
