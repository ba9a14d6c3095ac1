package enginetest

import (
	"bufio"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A pipeline that is run twice, and a branch, do not move latest back; and a commit that comes
// before the one that runs is not deployed by mistake. The stand-in for AWS answers.
func TestLatestGoesForward(t *testing.T) {
	dir, git := pinned(t)
	at := standIn(t, dir)
	minutes := 0
	edit := func(message string) string {
		minutes++ // deploy has no history at Dagger, and compares the committer's times
		t.Setenv("GIT_COMMITTER_DATE", time.Now().Add(time.Duration(minutes-10)*time.Minute).Format(time.RFC3339))
		file := filepath.Join(dir, "functions", "media-lambda", "edit.go")
		require.NoError(t, os.WriteFile(file, []byte("package main\n\nfunc init() { println(\""+message+"\") }\n"), 0o644))
		git("add", "-A")
		git("commit", "-qm", message)
		return git("rev-parse", "HEAD")
	}
	call := func(args ...string) (string, error) {
		t.Helper()
		stdout, stderr, err := engine{}.daggerIn(t, dir, slices.Concat([]string{"call", "--aws-endpoint-url", "http://" + at, "--private-registry", at, "--public-registry", at + "/public",
			"--aws-access-key-id", "env://STAND_IN_KEY", "--aws-secret-access-key", "env://STAND_IN_KEY"}, args)...)
		return stdout + stderr, err
	}
	t.Setenv("STAND_IN_KEY", "stand-in")
	// latest is the commit whose image of api is the latest one.
	latest := func(commits ...string) string {
		now := tagged(t, at, "api-latest")
		for _, commit := range commits {
			if tagged(t, at, "api-"+commit) == now {
				return commit
			}
		}
		return "another"
	}
	publish := func(commit string, flags ...string) string {
		t.Helper()
		git("checkout", "-q", commit)
		out, err := call(slices.Concat([]string{"publish", "--create-repositories", "--commit", commit}, flags)...)
		require.NoError(t, err, out)
		return out
	}
	first, second := edit("first"), edit("second")

	publish(first)
	assert.Equal(t, first, latest(first, second))
	publish(second)
	assert.Equal(t, second, latest(first, second))

	out := publish(first)
	assert.Equal(t, second, latest(first, second), "latest stays")
	assert.Regexp(t, `(?m)^latest stays at commit `+second+`: commit `+first+` comes before it; .*--move-latest.*$`, out)

	git("checkout", "-q", "-b", "feature", second)
	third := edit("third")
	publish(third, "--no-latest")
	assert.Equal(t, second, latest(first, second, third), "a branch takes nothing")

	for _, commit := range []string{first, second} {
		out, err := call("deploy", "--commit", commit)
		require.NoError(t, err, out)
	}
	out, err := call("deploy", "--commit", first)
	require.Error(t, err, out)
	assert.Contains(t, out, "this is a rollback; run: bin/ci rollback --to "+first+"; or pass --allow-older")
	out, err = call("deploy", "--commit", first, "--allow-older")
	require.NoError(t, err, out)

	publish(first, "--move-latest")
	assert.Equal(t, first, latest(first, second, third))

	// What is published is handed to infrastructure code.
	out, err = call("published", "--commit", second, "--format", "tfvars")
	require.NoError(t, err, out)
	assert.Contains(t, out, tagged(t, at, "api-"+second))
}

// standIn starts the stand-in for AWS where the engine's containers reach it, and returns its address.
func standIn(t *testing.T, dir string) string {
	t.Helper()
	address := os.Getenv("CI_TEST_HOST")
	if address == "" {
		t.Skip("CI_TEST_HOST is no address at which the engine's containers reach this machine")
	}
	program := filepath.Join(t.TempDir(), "stand-in")
	compile := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-o", program, "./internal/standin")
	compile.Dir, compile.Env = filepath.Join(root, "ci", "tool"), append(os.Environ(), "CGO_ENABLED=0")
	out, err := compile.CombinedOutput()
	require.NoError(t, err, "%s", out)
	served := exec.CommandContext(t.Context(), program, "-root", dir, "-address", address, "-port", "0")
	served.Cancel = func() error { return served.Process.Signal(syscall.SIGTERM) }
	printed, err := served.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, served.Start())
	t.Cleanup(func() { _ = served.Wait() }) // the test's context has ended it
	for lines := bufio.NewScanner(printed); lines.Scan(); {
		if found := regexp.MustCompile(`^registries +(\S+) \(private\)`).FindStringSubmatch(lines.Text()); found != nil {
			return found[1]
		}
	}
	require.Fail(t, "the stand-in says no address")
	return ""
}

// tagged returns the digest of a tag of the private light images.
func tagged(t *testing.T, registry, tag string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodHead, "http://"+registry+"/v2/ai-social-media-lambda-light/manifests/"+tag, nil)
	require.NoError(t, err)
	request.Header.Set("Accept", "application/vnd.oci.image.manifest.v1+json")
	answer, err := http.DefaultClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, http.StatusOK, answer.StatusCode, tag)
	return answer.Header.Get("Docker-Content-Digest")
}

// pinned is repository with a lock file that names the images of this engine by digest.
func pinned(t *testing.T) (dir string, git func(args ...string) string) {
	t.Helper()
	dir, git = repository(t)
	lock(t, dir)
	git("commit", "-qam", "lock", "--allow-empty")
	return dir, git
}

// lock names the images of this engine by digest in the lock file of a workspace.
func lock(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, "ci", "images.lock.json")
	var images map[string]any
	readJSON(t, file, &images)
	given := false
	for _, name := range []string{"base", "ffmpeg", "builder"} {
		if reference := os.Getenv("CI_TEST_" + strings.ToUpper(name)); reference != "" {
			images[name], given = map[string]string{"reference": reference}, true
		}
	}
	if !given {
		return // those of the lock file are in reach
	}
	writeJSON(t, file, images)
	out, err := exec.CommandContext(t.Context(), program(t), "lock", "--root", dir).CombinedOutput()
	require.NoError(t, err, "%s", out)
}
