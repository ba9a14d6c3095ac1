package enginetest

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
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

// line is a repository whose commits are published to a stand-in for AWS.
type line struct {
	*testing.T
	dir, at string
	git     func(args ...string) string
	minutes int
}

func newLine(t *testing.T) *line {
	t.Helper()
	dir, git := pinned(t)
	t.Setenv("STAND_IN_KEY", "stand-in")
	return &line{T: t, dir: dir, at: standIn(t, dir), git: git}
}

// edit commits a change of api, and returns the commit.
func (l *line) edit(message string) string {
	l.Helper()
	l.minutes++ // deploy has no history at Dagger, and compares the committer's times
	l.Setenv("GIT_COMMITTER_DATE", time.Now().Add(time.Duration(l.minutes-10)*time.Minute).Format(time.RFC3339))
	file := filepath.Join(l.dir, "functions", "media-lambda", "edit.go")
	require.NoError(l, os.WriteFile(file, []byte("package main\n\nfunc init() { println(\""+message+"\") }\n"), 0o644))
	l.git("add", "-A")
	l.git("commit", "-qm", message)
	return l.git("rev-parse", "HEAD")
}

func (l *line) call(args ...string) (string, error) {
	l.Helper()
	stdout, stderr, err := engine{}.daggerIn(l.T, l.dir, slices.Concat([]string{"call", "--aws-endpoint-url", "http://" + l.at, "--private-registry", l.at, "--public-registry", l.at + "/public",
		"--aws-access-key-id", "env://STAND_IN_KEY", "--aws-secret-access-key", "env://STAND_IN_KEY"}, args)...)
	return stdout + stderr, err
}

func (l *line) publish(commit string, flags ...string) string {
	l.Helper()
	l.git("checkout", "-q", commit)
	out, err := l.call(slices.Concat([]string{"publish", "--create-repositories", "--commit", commit}, flags)...)
	require.NoError(l, err, out)
	return out
}

// latest is the commit whose image of api is the latest one.
func (l *line) latest(commits ...string) string {
	l.Helper()
	now := tagged(l.T, l.at, "api-latest")
	for _, commit := range commits {
		if tagged(l.T, l.at, "api-"+commit) == now {
			return commit
		}
	}
	return "another"
}

// A pipeline that is run twice, and a branch, do not move latest back; and a commit that comes
// before the one that runs is not deployed by mistake. The stand-in for AWS answers.
func TestLatestGoesForward(t *testing.T) {
	l := newLine(t)
	first, second := l.edit("first"), l.edit("second")

	l.publish(first)
	assert.Equal(t, first, l.latest(first, second))
	l.publish(second)
	assert.Equal(t, second, l.latest(first, second))

	out := l.publish(first)
	assert.Equal(t, second, l.latest(first, second), "latest stays")
	assert.Regexp(t, `(?m)^latest stays at commit `+second+`: commit `+first+` comes before it; .*--move-latest.*$`, out)

	l.git("checkout", "-q", "-b", "feature", second)
	third := l.edit("third")
	l.publish(third, "--no-latest")
	assert.Equal(t, second, l.latest(first, second, third), "a branch takes nothing")

	for _, commit := range []string{first, second} {
		out, err := l.call("deploy", "--commit", commit)
		require.NoError(t, err, out)
	}
	out, err := l.call("deploy", "--commit", first)
	require.Error(t, err, out)
	assert.Contains(t, out, "this is a rollback; run: bin/ci rollback --to "+first+"; or pass --allow-older")
	out, err = l.call("deploy", "--commit", first, "--allow-older")
	require.NoError(t, err, out)

	l.publish(first, "--move-latest")
	assert.Equal(t, first, l.latest(first, second, third))

	// What is published is handed to infrastructure code.
	out, err = l.call("published", "--commit", second, "--format", "tfvars")
	require.NoError(t, err, out)
	assert.Contains(t, out, tagged(t, l.at, "api-"+second))
}

// Only what a key has signed is deployed if the call says so; and a release has a page.
func TestSignedReleases(t *testing.T) {
	l := newLine(t)
	private, public := signingKey(t)
	unsigned, signed := l.edit("unsigned"), l.edit("signed")
	l.publish(unsigned)
	l.publish(signed, "--sign", "file://"+private)

	out, err := l.call("deploy", "--commit", unsigned, "--require-signed", "--key", public)
	require.Error(t, err, out)
	assert.Contains(t, out, "deploy api: --require-signed: ")
	out, err = l.call("deploy", "--commit", signed, "--require-signed", "--key", public)
	require.NoError(t, err, out)
	_, other := signingKey(t)
	out, err = l.call("verify", "--commit", signed, "--only", "api", "--key", other)
	require.Error(t, err, out)
	out, err = l.call("verify", "--commit", signed, "--only", "api", "--key", public)
	require.NoError(t, err, out)

	page := filepath.Join(t.TempDir(), "report.html")
	out, err = l.call("report", "--commit", signed, "export", "--path", page)
	require.NoError(t, err, out)
	written, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Contains(t, string(written), signed)
	assert.Contains(t, string(written), "functions/media-lambda/edit.go", "the reason of the change")
}

// signingKey makes a key, and writes it and its public half in PEM.
func signingKey(t *testing.T) (private, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	known, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	write := func(name, kind string, content []byte) string {
		file := filepath.Join(t.TempDir(), name)
		require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: content}), 0o600))
		return file
	}
	return write("key.pem", "PRIVATE KEY", secret), write("cosign.pub", "PUBLIC KEY", known)
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
