package enginetest

import (
	"maps"
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

// functions are the functions that the module must have.
var functions = []string{"audit", "base", "binaries", "build-all", "builder", "coldstart", "cost", "cost-picture", "deploy", "diff", "ffmpeg-layer",
	"image", "images", "invoke", "lint", "list", "plan", "provenance", "publish", "published", "retention", "rollback", "sbom", "status",
	"test", "tidy", "up", "verify", "vulncheck"}

// escapes matches the colour codes of a terminal.
var escapes = regexp.MustCompile("\x1b\\[[0-9;]*m")

func TestFunctionsAreListedWithHelp(t *testing.T) {
	listed, stderr, err := engine{}.dagger(t, "functions")
	require.NoError(t, err, stderr)
	var names []string
	for line := range strings.Lines(escapes.ReplaceAllString(listed, "")) {
		name, help, _ := strings.Cut(strings.TrimSpace(line), " ")
		if !slices.Contains([]string{"", "Name", "Skipped"}, name) {
			assert.Greater(t, len(strings.TrimSpace(help)), 20, "the help of %s", name)
			names = append(names, name)
		}
	}
	assert.Subset(t, names, functions)
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			help := engine{}.call(t, name, "--help")
			assert.Contains(t, help, "USAGE")
			_, arguments, _ := strings.Cut(help, "ARGUMENTS\n")
			arguments, _, _ = strings.Cut(arguments, "\n\n")
			for line := range strings.Lines(arguments) {
				assert.Greater(t, len(strings.Fields(line)), 4, "the help of the argument %s", line)
			}
		})
	}
}

func TestListShowsEveryImage(t *testing.T) {
	assertRows(t, engine{}.call(t, "list"))
}

func TestBuildAllPrintsOneRowForEachImage(t *testing.T) {
	table := engine{}.call(t, "build-all")
	assertRows(t, table)
	assert.NotContains(t, table, "failed")
}

func assertRows(t *testing.T, table string) {
	t.Helper()
	var first []string
	for line := range strings.Lines(table) {
		first = append(first, strings.Fields(line + " -")[0])
	}
	names := images(t)
	require.Greater(t, len(first), len(names), table)
	assert.Equal(t, append([]string{"IMAGE"}, names...), first[:1+len(names)])
}

// The module, the program on this machine, and a second engine with empty caches all
// give the same digests.
func TestDigestsAreTheSameByBothWaysIn(t *testing.T) {
	ci := program(t)
	for _, platform := range []string{"linux/amd64", "linux/arm64"} {
		t.Run(platform, func(t *testing.T) {
			here := exported(t, engine{}, platform)
			assert.Equal(t, images(t), slices.Sorted(maps.Keys(here)))
			t.Run("on this machine", func(t *testing.T) {
				assert.Equal(t, here, onThisMachine(t, ci, root, t.TempDir(), "--platform", platform))
			})
			t.Run("second engine", func(t *testing.T) {
				host := os.Getenv("CI_TEST_SECOND_RUNNER_HOST")
				if host == "" {
					t.Skip("CI_TEST_SECOND_RUNNER_HOST names no second engine")
				}
				assert.Equal(t, here, exported(t, engine{host}, platform))
			})
		})
	}
}

// program compiles the program for this machine.
func program(t *testing.T) string {
	t.Helper()
	ci := filepath.Join(t.TempDir(), "ci")
	compile := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-tags", "steps", "-o", ci, "./cmd/ci")
	compile.Dir, compile.Env = filepath.Join(root, "ci", "tool"), append(os.Environ(), "CGO_ENABLED=0")
	out, err := compile.CombinedOutput()
	require.NoError(t, err, "%s", out)
	return ci
}

// onThisMachine returns the digests of the images that the program makes of the workspace.
func onThisMachine(t *testing.T, ci, workspace, cache string, args ...string) map[string]string {
	t.Helper()
	dist := filepath.Join(t.TempDir(), "dist")
	args = append([]string{"build-all", "--root", workspace, "--cache", cache, "--out", dist}, args...)
	for _, flag := range []string{"base", "ffmpeg"} {
		if value := os.Getenv("CI_TEST_" + strings.ToUpper(flag)); value != "" {
			args = append(args, "--"+flag, value)
		}
	}
	out, err := exec.CommandContext(t.Context(), ci, args...).CombinedOutput()
	require.NoError(t, err, "%s", out)
	return readLayout(t, dist)
}

// exported returns the digests of all images that the engine makes.
func exported(t *testing.T, e engine, platform string) map[string]string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "dist")
	e.call(t, "--platform", platform, "images", "export", "--path", dir)
	return readLayout(t, dir)
}

func TestImageIsAContainer(t *testing.T) {
	files := engine{}.call(t, "image", "--name", "thumb", "with-exec",
		"--args", "ls,-l,/var/runtime/bootstrap,/usr/local/bin/ffmpeg,/usr/local/bin/ffprobe", "stdout")
	assert.Equal(t, 3, strings.Count(files, "-rwxr-xr-x"), files)
	assert.Equal(t, "/lambda-entrypoint.sh", strings.TrimSpace(engine{}.call(t, "image", "--name", "thumb", "entrypoint")))
	assert.Equal(t, "bootstrap", strings.TrimSpace(engine{}.call(t, "image", "--name", "api", "default-args")))
}

// Without configuration, api answers that it works; the others cannot work, and name the
// variable that is missing. What they are given, they no longer miss.
func TestEveryImageAnswers(t *testing.T) {
	for _, name := range images(t) {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, err := engine{}.dagger(t, slices.Concat([]string{"call"}, references(), []string{"invoke", "--name", name})...)
			if name == "api" {
				require.NoError(t, err, stderr)
				assert.Contains(t, stdout, `"statusCode":200`)
				return
			}
			require.Error(t, err)
			missing := regexp.MustCompile(`^Error: ` + name + ` reported ConfigurationError: environment variable ([A-Z_]+) is not set`).FindStringSubmatch(oneLine(t, stderr))
			require.NotNil(t, missing, stderr)

			_, stderr, err = engine{}.dagger(t, slices.Concat([]string{"call"}, references(), []string{"invoke", "--name", name, "--variable", missing[1] + "=given"})...)
			if err != nil {
				assert.NotContains(t, oneLine(t, stderr), missing[1]+" is not set")
			}
		})
	}
}

func TestBadInputIsToldInOneLine(t *testing.T) {
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"unknown image", []string{"build-all", "--only", "apy"}, `no image is named "apy" (did you mean "api"?)`},
		{"unknown image as a container", []string{"image", "--name", "nosuch"}, `no image is named "nosuch"`},
		{"variable without a value", []string{"invoke", "--name", "thumb", "--variable", "BUCKET"}, `write BUCKET=value`},
		{"unknown image to invoke", []string{"invoke", "--name", "nosuch"}, `no image is named "nosuch"`},
		{"base out of reach", []string{"--base", "registry.invalid/base:1", "build-all"}, "registry.invalid/base:1"},
		{"base that is no reference", []string{"--base", "not a reference", "base"}, `not a reference`},
		{"ffmpeg out of reach", []string{"--ffmpeg", "registry.invalid/ffmpeg:1", "ffmpeg-layer"}, "registry.invalid/ffmpeg:1"},
		{"builder out of reach", []string{"--builder", "registry.invalid/golang:1", "list"}, "registry.invalid/golang:1"},
		{"platform that Lambda lacks", []string{"--platform", "linux/riscv64", "build-all"}, `"linux/riscv64"`},
		{"platform that is none", []string{"--platform", "nonsense", "build-all"}, `"nonsense"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, stderr, err := engine{}.dagger(t, slices.Concat([]string{"call"}, references(), tc.args)...)
			require.Error(t, err)
			assert.Contains(t, oneLine(t, stderr), tc.want)
		})
	}
}

func oneLine(t *testing.T, stderr string) string {
	t.Helper()
	line := strings.TrimSpace(stderr)
	assert.NotContains(t, line, "\n")
	return line
}

func TestFunctionThatDoesNotCompileIsNamed(t *testing.T) {
	dir := copyTree(t)
	file := filepath.Join(dir, "functions", "video-lambda", "broken.go")
	require.NoError(t, os.WriteFile(file, []byte("package main\n\nfunc broken() int { return true }\n"), 0o644))
	_, stderr, err := engine{}.dagger(t, slices.Concat([]string{"call"}, references(), []string{"build-all", "--source", dir})...)
	require.Error(t, err)
	line, compiler, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	assert.Equal(t, "Error: compile video (functions/video-lambda):", line)
	assert.Contains(t, compiler, "broken.go:3:")
}

// The committed code is what the generator writes of the version that dagger.json names.
// Dagger 1.0 generates its own in each engine, and has no command for it.
func TestGeneratedCodeIsCurrent(t *testing.T) {
	onlyWithItsVersion(t)
	dir, git := repository(t)
	_, stderr, err := engine{}.daggerIn(t, dir, "develop")
	require.NoError(t, err, stderr)
	assert.Empty(t, git("status", "--porcelain"), "run `dagger develop` and commit what it changes")
}
