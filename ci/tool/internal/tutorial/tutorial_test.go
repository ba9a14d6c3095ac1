//go:build unix

// Package tutorial runs the commands of docs/TUTORIAL.md in a fresh clone, in order, and
// checks that they print what the page shows.
package tutorial

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/npm"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

const repository = "../../../.."

// page is the tutorial below the repository.
const page = "docs/TUTORIAL.md"

func TestLongTutorial(t *testing.T) {
	text := string(testkit.Source(t, repository, page))
	steps := parse(t, text)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
	defer cancel()

	variables := slices.Clip(environment(t))
	shell := newTerminal(ctx, t, append(variables, "REPOSITORY="+snapshot(t)))
	var stop func()
	for _, s := range steps {
		began := time.Now()
		var printed string
		if s.second {
			require.Nil(t, stop, "the page uses one terminal besides the first")
			folder := strings.TrimSpace(shell.run("pwd"))
			printed, stop = inBackground(ctx, t, folder, append(variables, "ARGS=-port 0"), s)
		} else {
			printed = shell.run(s.command)
		}
		t.Logf("$ %s (%.1f s)\n%s", s.command, time.Since(began).Seconds(), printed)
		assert.Empty(t, missing(s.shown, printed), "lines that %s shows and `%s` does not print", page, s.command)
		if strings.HasPrefix(s.command, "cd ") {
			useBuilt(t, strings.TrimSpace(shell.run("pwd")))
		}
	}
	require.NotNil(t, stop, "the page starts the stand-in")
	folder := strings.TrimSpace(shell.run("pwd"))
	stop()
	assert.NoFileExists(t, filepath.Join(folder, "dist", "stand-in.env"))
	for _, quoted := range spans.FindAllStringSubmatch(text, -1) {
		assert.True(t, slices.ContainsFunc(steps, func(s step) bool { return strings.HasPrefix(s.command, quoted[1]) }),
			"the text of %s names `%s`, which no block runs", page, quoted[1])
	}
}

// spans matches the commands in the text.
var spans = regexp.MustCompile("[^`]`((?:bin/ci|make|git|go) [^`\n]+)`")

// environment returns that of a reader, with Go's caches and the cache of the other tests.
// The registries of the internet do not answer, so that what is printed is the same
// everywhere.
func environment(t *testing.T) []string {
	t.Helper()
	testkit.Offline(t, repository)
	cacheDir, err := filepath.Abs(filepath.Join(repository, ".cache", "ci"))
	require.NoError(t, err)
	locked, err := lock.Load(repository)
	require.NoError(t, err)
	static := locked.Static["amd64"] // the default platform, on any machine
	for _, p := range []lock.Package{static.FFmpeg, static.FFprobe} {
		_, err := npm.Fetch(t.Context(), p, filepath.Join(cacheDir, "npm"))
		require.NoError(t, err)
	}
	empty := home(t)
	keep := slices.DeleteFunc(os.Environ(), func(v string) bool {
		return strings.HasPrefix(v, "AWS_") || strings.HasPrefix(v, "MAKE") || strings.HasPrefix(v, "MFLAGS=") || strings.HasPrefix(v, "ARGS=")
	})
	return append(keep, "CI_CACHE="+cacheDir, "HTTPS_PROXY=http://127.0.0.1:1", "HOME="+empty,
		// Those of the functions: what they import is compiled for them already.
		"CGO_ENABLED=0", "GOFLAGS=-trimpath -tags=lambda.norpc -vet=off",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_AUTHOR_NAME=dana", "GIT_AUTHOR_EMAIL=dana@example.org", "GIT_COMMITTER_NAME=dana", "GIT_COMMITTER_EMAIL=dana@example.org")
}

// home returns an empty home folder. Go finds its caches all the same.
func home(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"GOCACHE", "GOMODCACHE", "GOPATH", "GOENV"} {
		out, err := exec.Command("go", "env", name).Output()
		require.NoError(t, err)
		t.Setenv(name, strings.TrimSpace(string(out)))
	}
	return t.TempDir()
}

// snapshot commits the files of the work tree to a repository in a temporary folder.
func snapshot(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	list := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	list.Dir = repository
	names, err := list.Output()
	require.NoError(t, err)
	for name := range strings.SplitSeq(strings.TrimSuffix(string(names), "\x00"), "\x00") {
		copyFile(t, filepath.Join(repository, name), filepath.Join(to, name))
	}
	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"-c", "user.name=dana", "-c", "user.email=dana@example.org", "commit", "-q", "-m", "The work tree"}} {
		cmd := exec.Command("git", append([]string{"-c", "core.autocrlf=false", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Dir = to
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	return to
}

// copyFile copies a file and its mode; a file that was deleted is left out.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	info, err := os.Stat(from)
	if os.IsNotExist(err) {
		return
	}
	require.NoError(t, err)
	content, err := os.ReadFile(from)
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(to), 0o755))
	require.NoError(t, os.WriteFile(to, content, info.Mode()))
}

// useBuilt copies the program of the repository to the clone, if it is current. That saves
// the time to compile it again.
func useBuilt(t *testing.T, clone string) {
	t.Helper()
	current := exec.Command("make", "-q", "bin/ci")
	current.Dir = repository
	if current.Run() != nil {
		return
	}
	copyFile(t, filepath.Join(repository, "bin/ci"), filepath.Join(clone, "bin/ci"))
	part, err := os.Stat(filepath.Join(repository, "bin/ci"))
	require.NoError(t, err)
	// An older one was made from older sources, and would be compiled again.
	if all, err := os.Stat(filepath.Join(repository, "bin/.ci-whole")); err == nil && !all.ModTime().Before(part.ModTime()) {
		copyFile(t, filepath.Join(repository, "bin/.ci-whole"), filepath.Join(clone, "bin/.ci-whole"))
	}
}
