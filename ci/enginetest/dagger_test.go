package enginetest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// root is the repository.
var root = filepath.Join("..", "..")

// references returns arguments of the constructor that name other images than the lock
// file, for an engine that cannot reach those.
func references() (args []string) {
	for _, flag := range []string{"base", "ffmpeg", "builder"} {
		if value := os.Getenv("CI_TEST_" + strings.ToUpper(flag)); value != "" {
			args = append(args, "--"+flag, value)
		}
	}
	return args
}

// engine is the engine that `dagger` uses; the zero value is that of the environment.
type engine struct{ host string }

// dagger runs the CLI in the repository.
func (e engine) dagger(t *testing.T, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	return e.daggerIn(t, root, args...)
}

func (e engine) daggerIn(t *testing.T, dir string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "dagger", append([]string{"--silent"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "DAGGER_NO_NAG=1", "NO_COLOR=1")
	if e.host != "" {
		cmd.Env = append(cmd.Env, "_EXPERIMENTAL_DAGGER_RUNNER_HOST="+e.host)
	}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err = cmd.Run()
	return out.String(), warnings.ReplaceAllString(errs.String(), ""), err
}

// warnings matches lines of the CLI's own log, for instance that it does not understand
// the remote of a clone, or all arguments of a call of which it could not look up one; and
// what it says below an error of its own.
var warnings = regexp.MustCompile(`(?m)^(([0-9/]{10} )?[0-9:]{8} (WARN|INF) .*|Run 'dagger .*--help' for usage\.)(\n|\z)`)

// call runs a function of the module, which must succeed.
func (e engine) call(t *testing.T, args ...string) string {
	t.Helper()
	stdout, stderr, err := e.dagger(t, slices.Concat([]string{"call"}, references(), args)...)
	require.NoError(t, err, "dagger call %s:\n%s", strings.Join(args, " "), stderr)
	return stdout
}

// onlyWithItsVersion skips a test of generated files on an engine of another version than
// that of dagger.json.
func onlyWithItsVersion(t *testing.T) {
	t.Helper()
	var module struct{ EngineVersion string }
	readJSON(t, filepath.Join(root, "dagger.json"), &module)
	if module.EngineVersion != version {
		t.Skipf("the engine is %s, dagger.json names %s", version, module.EngineVersion)
	}
}

// images returns the names of the images in the catalog, in its order.
func images(t *testing.T) (names []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "functions", "*", "image.json"))
	require.NoError(t, err)
	for _, f := range files {
		data, err := os.ReadFile(f)
		require.NoError(t, err)
		var description struct{ Image string }
		require.NoError(t, json.Unmarshal(data, &description))
		names = append(names, description.Image)
	}
	slices.Sort(names)
	return names
}

// copyTree copies the repository's tracked and new files, so that a test can change them.
func copyTree(t *testing.T) string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = root
	out, err := list.Output()
	require.NoError(t, err)
	dir := t.TempDir()
	for name := range strings.SplitSeq(strings.TrimRight(string(out), "\x00"), "\x00") {
		data, err := os.ReadFile(filepath.Join(root, name))
		if os.IsNotExist(err) {
			continue // deleted, but the deletion is not committed yet
		}
		require.NoError(t, err)
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
	}
	return dir
}

// identity makes git able to commit.
var identity = []string{"GIT_AUTHOR_NAME=test", "GIT_AUTHOR_EMAIL=test@example.com", "GIT_COMMITTER_NAME=test", "GIT_COMMITTER_EMAIL=test@example.com"}

// repository is copyTree as a repository of its own with one commit; git runs git in it.
func repository(t *testing.T) (dir string, git func(args ...string) string) {
	t.Helper()
	dir = copyTree(t)
	git = func(args ...string) string {
		cmd := exec.CommandContext(t.Context(), "git", args...)
		cmd.Dir, cmd.Env = dir, append(os.Environ(), identity...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s", out)
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("add", "-A")
	git("commit", "-qm", "first")
	return dir, git
}
