package gobuild_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// uses is a program that uses another module.
func uses(module string) string {
	return "package main\n\nimport \"" + module + "\"\n\nfunc main() { println(" + module[strings.LastIndex(module, "/")+1:] + ".Word) }\n"
}

func TestAFunctionThatFailsDoesNotStopTheOthers(t *testing.T) {
	for name, c := range map[string]struct {
		change map[string]string
		want   []string // parts of the message
	}{
		"it does not compile": {
			map[string]string{api + "/main.go": "package main\n\nfunc main() {\n\tx := 1\n\tundefined()\n}\n"},
			[]string{"compile api (functions/media-lambda):\n", "functions/media-lambda/main.go:4:2: declared and not used: x", "main.go:5:2: undefined: undefined"}},
		"it is not Go": {
			map[string]string{api + "/main.go": "package main\n\nfunc {\n"},
			[]string{"compile api (functions/media-lambda):\n", "functions/media-lambda/main.go:3:6: syntax error"}},
		"it imports a missing package": {
			map[string]string{api + "/main.go": uses("lambdas.internal/gone/greet")},
			[]string{"compile api (functions/media-lambda):\n", "functions/media-lambda/main.go:3:8: ", "lambdas.internal/gone"}},
		"it has no source": {
			map[string]string{api + "/main.go": ""},
			[]string{"compile api (functions/media-lambda):\n", "no Go files"}},
		"it has tests only": {
			map[string]string{api + "/main.go": "", api + "/main_test.go": "package main\n"},
			[]string{"compile api (functions/media-lambda):\n", "no non-test Go files"}},
	} {
		t.Run(name, func(t *testing.T) {
			w, dir := testkit.Workspace(t, nil), t.TempDir()
			compile(t, w, dir) // so that there is a former output
			w = testkit.Workspace(t, c.change)

			results, err := gobuild.Compile(t.Context(), w, w.Functions, testkit.AMD64, dir)

			require.NoError(t, err)
			require.Error(t, results[0].Err)
			for _, part := range c.want {
				require.ErrorContains(t, results[0].Err, part)
			}
			assert.NotContains(t, results[0].Err.Error(), "enhance")
			require.NoError(t, results[1].Err)
			require.NoError(t, results[2].Err)

			results, err = gobuild.Compile(t.Context(), w, w.Functions, testkit.AMD64, dir)
			require.NoError(t, err)
			require.Error(t, results[0].Err, "it fails again until it is fixed")
			assert.True(t, results[1].Binary.Reused)
		})
	}
}

func TestCompileErrors(t *testing.T) {
	c := testkit.Workspace(t, map[string]string{api + "/main.go": "package main\n\nfunc main() { x }\n"})

	results, err := gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, t.TempDir())

	require.NoError(t, err)
	var compile *gobuild.CompileError
	require.ErrorAs(t, results[0].Err, &compile)
	assert.Equal(t, "api", compile.Function.Image)
	assert.Contains(t, compile.Output, "main.go:3:15: undefined: x")
}

// go build skips a package that is not a program when it builds several packages.
func TestAFunctionThatIsNoLongerAProgram(t *testing.T) {
	c, dir := testkit.Workspace(t, nil), t.TempDir()
	compile(t, c, dir)
	testkit.Write(t, c.Root, map[string]string{api + "/main.go": "package media\n",
		"go.work": testkit.Files(t)["go.work"] + "\n// all are stale now\n"})

	results, err := gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, dir)

	require.NoError(t, err)
	require.EqualError(t, results[0].Err, "functions/media-lambda: has no program; a function needs a package main with a func main")
	require.NoError(t, results[1].Err)

	results, err = gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, dir)
	require.NoError(t, err)
	require.EqualError(t, results[0].Err, "functions/media-lambda: has no program; a function needs a package main with a func main")
}

// A function is also built from the modules that its go.mod replaces with folders.
func TestABadReplacement(t *testing.T) {
	for name, c := range map[string]struct{ replace, want string }{
		"a folder that is missing": {"replace example.org/x => ../../gone",
			"compile: functions/media-lambda/go.mod: replace example.org/x: ../../gone has no go.mod; name the folder of the module"},
		"an absolute path": {"replace example.org/x => /somewhere/x",
			"compile: functions/media-lambda/go.mod: replace example.org/x: /somewhere/x is an absolute path; name a folder of the workspace"},
	} {
		t.Run(name, func(t *testing.T) {
			w := testkit.Workspace(t, map[string]string{api + "/go.mod": testkit.GoMod("lambdas.internal/"+api, c.replace)})

			_, err := gobuild.Compile(t.Context(), w, w.Functions, testkit.AMD64, t.TempDir())

			require.EqualError(t, err, c.want)
		})
	}
}

func TestAReplacementInGoWorkIsASource(t *testing.T) {
	word := func(w string) string { return "package greet\n\nconst Word = \"" + w + "\"\n" }
	c := testkit.Workspace(t, map[string]string{
		"go.work":              "go 1.26.1\n\ntoolchain " + testkit.Toolchain() + "\n\nuse (\n\t./" + api + "\n\t./" + enhance + "\n\t./" + thumb + "\n\t./shared\n)\n\nreplace example.org/third => ./third\n",
		"third/go.mod":         testkit.GoMod("example.org/third"),
		"third/greet/greet.go": word("before"),
		api + "/go.mod":        testkit.GoMod("lambdas.internal/"+api, "require example.org/third v0.0.0"),
		api + "/main.go":       uses("example.org/third/greet"),
	})
	dir := t.TempDir()
	before := compile(t, c, dir)
	testkit.Write(t, c.Root, map[string]string{"third/greet/greet.go": word("after!")})

	after := compile(t, c, dir)

	assert.NotEqual(t, before["api"].Digest, after["api"].Digest)
}

func TestWithoutGo(t *testing.T) {
	c := testkit.Workspace(t, nil)
	t.Setenv("PATH", t.TempDir())

	_, err := gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, t.TempDir())

	require.EqualError(t, err, "compile: read the settings of go: go is not installed; install it, and add it to the PATH")
}
