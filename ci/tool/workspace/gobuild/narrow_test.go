package gobuild_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// watched puts a command named go into the PATH that notes which go.work each build has.
func watched(t *testing.T) (works func() []string) {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	before(t, "if [ \"$1\" = build ]; then grep -c '^\t\\|^use [^(]' \"$GOWORK\" >>"+log+"; fi")
	return func() []string {
		data, err := os.ReadFile(log)
		require.NoError(t, err)
		require.NoError(t, os.Remove(log))
		return strings.Fields(string(data))
	}
}

// Go reads the modules that decide what one function is built from, not a thousand; each
// case is a change of another module.
func TestOneOfManyModules(t *testing.T) {
	const many = 20
	for name, c := range map[string]struct {
		change map[string]string
		want   []string // how many modules the builds after it have, one after the other
	}{
		"all ask for the same":          {nil, []string{"5"}},
		"one asks for another language": {map[string]string{other(3) + "/go.mod": strings.Replace(testkit.GoMod("lambdas.internal/"+other(3)), "1.26.1", "1.25.0", 1)}, []string{"6"}},
		"one is in a file of checksums": {map[string]string{"go.work.sum": "lambdas.internal/" + other(3) + " v1.0.0/go.mod h1:x\n"}, []string{"6"}},
		"one has other checksums":       {map[string]string{other(3) + "/go.sum": "example.test/words v1.0.0/go.mod h1:x\n"}, []string{"6"}},
		"one might have the package":    {map[string]string{other(3) + "/go.mod": testkit.GoMod("lambdas.internal/functions")}, []string{"5", "24"}},
		"one replaces with what is beside": {map[string]string{other(3) + "/go.mod": testkit.GoMod("lambdas.internal/"+other(3), "replace example.org/third => ../../third"),
			"third/go.mod": testkit.GoMod("example.org/third")}, []string{"24"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			work := testkit.Files(t)["go.work"]
			for n := range many {
				work = strings.Replace(work, "\t./shared\n", "\t./shared\n\t./"+other(n)+"\n", 1)
				files[other(n)+"/go.mod"] = testkit.GoMod("lambdas.internal/" + other(n))
			}
			files["go.work"] = work
			w, dir := testkit.Workspace(t, files), t.TempDir()
			compile(t, w, dir)
			works := watched(t)
			testkit.Write(t, w.Root, c.change)
			testkit.Write(t, w.Root, map[string]string{api + "/main.go": "package main\n\nfunc main() { println(\"edited\") }\n"})

			results, err := gobuild.Compile(t.Context(), w, w.Functions, testkit.AMD64, dir)

			require.NoError(t, err)
			assert.Equal(t, c.want, works())
			clean, err := gobuild.Compile(t.Context(), w, w.Functions, testkit.AMD64, t.TempDir())
			require.NoError(t, err)
			for i, f := range w.Functions {
				assert.Equal(t, clean[i].Err, results[i].Err, f.Image)
				assert.Equal(t, clean[i].Binary.Digest, results[i].Binary.Digest, f.Image)
				assert.Equal(t, clean[i].Binary.Key, results[i].Binary.Key, f.Image)
			}
		})
	}
}
