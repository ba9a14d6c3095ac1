package enginetest

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The module builds repositories that are not made for it, called as from anywhere with -m. They are
// those of the tests of `bin/ci init`.
func TestForeignRepositoriesAreBuilt(t *testing.T) {
	ci, cache, module := program(t), t.TempDir(), copyTree(t)
	lock(t, module)
	for name, prepare := range map[string]string{
		"one_module":        "", // one go.mod with mains below cmd/
		"go_work":           "go work use ./functions/thumbs",
		"long/many_modules": "", // without go.work
		"long/app_cmd":      "", // the module is in a folder
		"long/arm64_ffmpeg": "", // for arm64, with ffmpeg, a main at the root
		// A function for each architecture.
		"long/many_modules, two architectures": `sed -i 's/"variant": "light"/"variant": "heavy", "architecture": "arm64"/' first/image.json`,
	} {
		t.Run(name, func(t *testing.T) {
			fixture, both, _ := strings.Cut(name, ",")
			dir := foreign(t, fixture)
			steps := []string{"set -e", prepare, `"$CI" init`}
			if both != "" {
				steps = []string{"set -e", `"$CI" init`, prepare}
			}
			made := exec.CommandContext(t.Context(), "sh", "-c", strings.Join(steps, "\n"))
			made.Dir, made.Env = dir, append(os.Environ(), "CI="+ci, "CI_CACHE="+cache)
			out, err := made.CombinedOutput()
			require.NoError(t, err, "%s", out)
			lock(t, dir)
			here := filepath.Join(t.TempDir(), "dist")
			out, err = exec.CommandContext(t.Context(), ci, "build-all", "--root", dir, "--cache", cache, "--out", here).CombinedOutput()
			require.NoError(t, err, "%s", out)
			call := func(args ...string) string {
				t.Helper()
				stdout, stderr, err := engine{}.daggerIn(t, dir, slices.Concat([]string{"-m", module, "call"}, args)...)
				require.NoError(t, err, stderr)
				return stdout
			}

			there := filepath.Join(t.TempDir(), "dist")
			call("images", "--source", ".", "export", "--path", there)

			digests := readLayout(t, there)
			assert.NotEmpty(t, digests)
			assert.Equal(t, readLayout(t, here), digests)
			assert.NotContains(t, call("build-all", "--source", "."), "failed")
			assert.Contains(t, call("audit", "--source", "."), "all gates passed")
		})
	}
}

// The functions are compiled with the Go that their own lock file names.
func TestForeignRepositoryHasItsOwnBuilder(t *testing.T) {
	module, dir := copyTree(t), foreign(t, "one_module")
	lock(t, module)
	out, err := exec.CommandContext(t.Context(), program(t), "init", "--root", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
	file := filepath.Join(dir, "ci", "images.lock.json")
	var images map[string]any
	readJSON(t, file, &images)
	images["builder"] = map[string]string{"reference": "registry.invalid/golang:1"}
	writeJSON(t, file, images)

	_, stderr, err := engine{}.daggerIn(t, dir, "-m", module, "call", "build-all", "--source", ".")

	require.Error(t, err)
	assert.Contains(t, oneLine(t, stderr), "registry.invalid/golang:1")
}

// foreign unpacks the repository of a script of the tests of `bin/ci init`.
func foreign(t *testing.T, name string) string {
	t.Helper()
	script, err := os.ReadFile(filepath.Join(root, "ci", "tool", "cmd", "ci", "testdata", "foreign", name+".txt"))
	require.NoError(t, err)
	shared, err := os.ReadFile(filepath.Join(root, "shared", "go.mod"))
	require.NoError(t, err)
	version := regexp.MustCompile(`github\.com/aws/aws-lambda-go (v\S+)`).FindSubmatch(shared)
	require.NotNil(t, version)
	sums, err := os.ReadFile(filepath.Join(root, "shared", "go.sum"))
	require.NoError(t, err)
	// txtar: https://pkg.go.dev/golang.org/x/tools/txtar
	file := regexp.MustCompile(`(?m)^-- (\S+) --\n`)
	dir := filepath.Join(t.TempDir(), strings.ReplaceAll(name, "_", "-"))
	starts := file.FindAllSubmatchIndex(script, -1)
	require.NotEmpty(t, starts)
	for i, at := range starts {
		end := len(script)
		if i+1 < len(starts) {
			end = starts[i+1][0]
		}
		path, content := filepath.Join(dir, string(script[at[2]:at[3]])), string(script[at[1]:end])
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		filled := strings.ReplaceAll(content, "$LAMBDA", string(version[1]))
		require.NoError(t, os.WriteFile(path, []byte(filled), 0o644))
		if filled != content {
			require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "go.sum"), sums, 0o644))
		}
	}
	return dir
}
