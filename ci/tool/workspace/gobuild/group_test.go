package gobuild_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// described is an image.json with more fields.
func described(image, more string) string {
	return `{"image": "` + image + `", "variant": "light", "registry": "private", "lambda": "` + image + `", "reason": "r"` + more + "}"
}

// alone writes a workspace without go.work: two modules of one name, and one with two programs.
func alone(t *testing.T) *catalog.Catalog {
	t.Helper()
	root := t.TempDir()
	hello := func(text string) string {
		return "package main\n\nvar text = \"" + text + "\"\n\nfunc main() { print(text, more) }\n"
	}
	const plain, extra = "//go:build !extra\n\npackage main\n\nconst more = \"\"\n", "//go:build extra\n\npackage main\n\nconst more = \" extra\"\n"
	testkit.Write(t, root, map[string]string{
		catalog.PipelineFile: `{"functions": ["a", "b", "c/cmd/*"], "toolchain": "` + testkit.Toolchain() + `"}`,
		"a/go.mod":           testkit.GoMod("hello"), "a/main.go": "package main\n\nimport \"hello/part\"\n\nfunc main() { print(part.Text, more) }\n", "a/plain.go": plain,
		"a/part/part.go": "package part\n\nimport \"hello/part/deep\"\n\nconst Text = deep.Text\n", "a/part/deep/deep.go": "package deep\n\nconst Text = \"a\"\n",
		"b/part/deep/deep.go": "package deep\n\nconst Text = \"b\"\n",
		"a/image.json":        described("a", ""),
		"b/go.mod":            testkit.GoMod("hello"), "b/main.go": "package main\n\nimport \"hello/part/deep\"\n\nfunc main() { print(deep.Text, more) }\n", "b/plain.go": plain, "b/image.json": described("b", ""),
		"c/go.mod": testkit.GoMod("example.com/c"), "c/cmd/hello/main.go": hello("c"), "c/cmd/hello/plain.go": plain, "c/cmd/hello/image.json": described("c", ""),
		"c/cmd/tagged/main.go": hello("tagged"), "c/cmd/tagged/plain.go": plain, "c/cmd/tagged/extra.go": extra,
		"c/cmd/tagged/image.json": described("tagged", `, "tags": ["extra"], "ldflags": ["-X=main.text=set"]`),
	})
	c, err := catalog.Load(root)
	require.NoError(t, err)
	return c
}

// printed runs the programs.
func printed(t *testing.T, results []gobuild.Result) (all []string) {
	t.Helper()
	for _, r := range results {
		require.NoError(t, r.Err)
		out, err := exec.CommandContext(t.Context(), r.Binary.Path).CombinedOutput()
		require.NoError(t, err)
		all = append(all, string(out))
	}
	return all
}

func reusedOf(results []gobuild.Result) (all []bool) {
	for _, r := range results {
		all = append(all, r.Binary.Reused)
	}
	return all
}

func TestModulesThatNoGoWorkJoins(t *testing.T) {
	c, dir := alone(t), t.TempDir()
	require.True(t, c.Alone)
	compile := func() []gobuild.Result {
		results, err := gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, dir)
		require.NoError(t, err)
		return results
	}
	assert.Equal(t, []string{"a", "b", "c", "set extra"}, printed(t, compile()))
	assert.Equal(t, []bool{true, true, true, true}, reusedOf(compile()))

	testkit.Write(t, c.Root, map[string]string{"b/main.go": "package main\n\nfunc main() { print(\"edited\", more) }\n"})
	edited := compile()
	assert.Equal(t, []string{"a", "edited", "c", "set extra"}, printed(t, edited))
	assert.Equal(t, []bool{true, false, true, true}, reusedOf(edited))

	// The same without the tag, and with another value, is another program.
	for _, more := range []string{`, "ldflags": ["-X=main.text=set"]`, `, "tags": ["extra"], "ldflags": ["-X=main.text=other"]`} {
		testkit.Write(t, c.Root, map[string]string{"c/cmd/tagged/image.json": described("tagged", more)})
		var err error
		c, err = catalog.Load(c.Root)
		require.NoError(t, err)
		changed := compile()
		assert.Equal(t, []bool{true, true, true, false}, reusedOf(changed), more)
	}

	sources, err := gobuild.Discover(t.Context(), c, c.Functions, testkit.AMD64)
	require.NoError(t, err)
	keys, err := sources.Keys()
	require.NoError(t, err)
	for n, r := range compile() {
		assert.Equal(t, r.Binary.Key, keys[n])
	}
	states, err := sources.Read(os.DirFS("/"))
	require.NoError(t, err)
	for _, name := range []string{"a/go.mod", "b/main.go", "c/go.mod", "c/cmd/tagged/extra.go"} {
		assert.NotEmpty(t, states[strings.TrimPrefix(filepath.Join(c.Root, name), "/")], name)
	}
}

// A package that is built in several ways has the files of all.
func TestPackagesOfSeveralGroups(t *testing.T) {
	c := alone(t)
	packages, err := gobuild.Packages(t.Context(), c, c.Functions, v1.Platform{OS: "linux"})
	require.NoError(t, err)
	g := gobuild.NewGraph(c.Root, packages)
	for _, f := range c.Functions {
		order, _ := g.Reach(f)
		require.NotEmpty(t, order, f.Image)
		assert.Equal(t, f.Main(), g.Folder(order[0]))
		var own []string
		for _, p := range order {
			if folder := g.Folder(p); folder != "" {
				own = append(own, folder)
			}
		}
		assert.Equal(t, map[string][]string{"a": {"a", "a/part", "a/part/deep"}, "b": {"b", "b/part/deep"}, "c": {"c/cmd/hello"}, "tagged": {"c/cmd/tagged"}}[f.Image], own,
			"no function is judged by the sources of another module")
	}
}

func TestAFunctionIsBuiltForItsArchitecture(t *testing.T) {
	c := alone(t)
	c.Functions[0].Architecture = "arm64"
	results, err := gobuild.Compile(t.Context(), c, c.Functions[:2], v1.Platform{OS: "linux"}, t.TempDir())
	require.NoError(t, err)
	require.NoError(t, results[0].Err)
	require.NoError(t, results[1].Err)
	assert.NotEqual(t, results[0].Binary.Key, results[1].Binary.Key)
	content, err := os.ReadFile(results[0].Binary.Path)
	require.NoError(t, err)
	const machine, arm64 = 18, 183 // in the header of an ELF file
	assert.Equal(t, byte(arm64), content[machine])
}

func TestAModuleThatNeedsTidyingIsNamed(t *testing.T) {
	c := alone(t)
	testkit.Write(t, c.Root, map[string]string{"a/go.mod": testkit.GoMod("hello", "require example.com/none v1.0.0"), "a/main.go": "package main\n\nimport _ \"example.com/none\"\n\nfunc main() {}\n"})
	t.Setenv("GOPROXY", "off")
	results, err := gobuild.Compile(t.Context(), c, c.Functions[:2], testkit.AMD64, t.TempDir())
	if err == nil {
		err = results[0].Err
	}
	require.ErrorContains(t, err, "example.com/none")
	assert.Contains(t, err.Error(), "a")
}
