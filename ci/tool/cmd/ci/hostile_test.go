package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// nasty clears the screen, sets the title of the window, writes from right to left and hides
// a letter.
const nasty = "\x1b[2J\x1b]0;owned\x07" + marks

// marks are no control characters.
const marks = "\u202egnp\u200b.exe"

// clean fails if a text has a character that no reader sees.
func clean(t *testing.T, text string) {
	t.Helper()
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r)) {
			assert.Fail(t, "an unseen character", "%U in %q", r, text)
			return
		}
	}
}

func TestTextFromOutsideIsPrintedCleanly(t *testing.T) {
	t.Parallel()
	registry := func(t *testing.T) string {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			message, _ := json.Marshal(nasty + "\nci: all is well\n")
			io.WriteString(w, `{"errors":[{"code":"DENIED","message":`+string(message)+`}]}`)
		}))
		t.Cleanup(s.Close)
		return strings.TrimPrefix(s.URL, "http://")
	}
	for name, test := range map[string]struct {
		files map[string]string
		args  func(t *testing.T) (environment, []string)
		code  int
	}{
		"a reason": {map[string]string{"functions/alpha/image.json": description(t, marks)}, func(*testing.T) (environment, []string) { return nil, []string{"list"} }, exitDone},
		"a folder": {map[string]string{"functions/a" + nasty + "/image.json": "{}"}, func(*testing.T) (environment, []string) { return nil, []string{"list"} }, exitFailed},
		"a flag":   {nil, func(*testing.T) (environment, []string) { return nil, []string{"list", "--" + nasty} }, exitUsage},
		"an answer of a registry": {nil, func(t *testing.T) (environment, []string) {
			host := registry(t)
			return nil, []string{"sbom", "--name", "beta", "--commit", "1234567", "--private-registry", host, "--public-registry", host}
		}, exitFailed},
		"an error of AWS": {nil, func(t *testing.T) (environment, []string) {
			aws := awsfake.Start(t)
			aws.Answer = func(c awsfake.Call) awsfake.Failure {
				return awsfake.Failure{Status: 400, Code: "InvalidParameterException", Message: nasty + "\nci: all is well\n"}
			}
			return aws.Environment(), []string{"retention"}
		}, exitFailed},
		"a tag": {nil, func(t *testing.T) (environment, []string) {
			aws := awsfake.Start(t)
			aws.Add(awsfake.Public, "lambda-light", awsfake.Image{Digest: digest("1"), Tags: []string{nasty}})
			aws.Run("TheBeta", "$LATEST", digest("1"))
			return aws.Environment(), []string{"retention", "--dry-run"}
		}, exitDone},
	} {
		t.Run(name, func(t *testing.T) {
			root := publishable(t, test.files)
			environment, args := test.args(t)
			got := environment.in(t, root, args...)
			t.Log(got.stdout, got.stderr)
			assert.Equal(t, test.code, got.code, got.stderr)
			clean(t, got.stdout+got.stderr)
			assert.Contains(t, got.stdout+got.stderr, `\u202e`, "it is shown, not left out")
			assert.NotRegexp(t, `(?m)^(ci: )+all is well`, got.stdout+got.stderr, "what is from outside makes no line of its own")
		})
	}

	root := publishable(t, map[string]string{"functions/alpha/image.json": description(t, marks)})
	got := command(t, root, "list", "--json")
	clean(t, got.stdout)
	var functions []catalog.Function
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &functions))
	assert.Equal(t, marks, functions[0].Reason, "JSON means the same")
}

func description(t *testing.T, reason string) string {
	t.Helper()
	data, err := json.Marshal(map[string]string{"image": "alpha", "variant": "light", "registry": "private", "lambda": "TheAlpha", "reason": reason})
	require.NoError(t, err)
	return string(data)
}

// A command that waits for something that never comes is deaf to the first Ctrl-C only.
func TestTheSecondInterruptEndsAtOnce(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	event := filepath.Join(root, "event")
	testkit.Fifo(t, event)
	cmd := exec.Command("ci", "--root", root, "invoke", "--name", "alpha", "--event", event)
	require.NoError(t, cmd.Start())
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { cmd.Process.Kill() })
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		f, err := os.OpenFile(event, os.O_WRONLY|syscall.O_NONBLOCK, 0)
		if err == nil { // it reads
			defer f.Close()
			break
		}
		require.ErrorIs(t, err, syscall.ENXIO)
		require.Less(t, time.Since(start), time.Minute)
	}

	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	select {
	case err := <-ended:
		require.Fail(t, "the first signal is for an orderly end", "%v", err)
	case <-time.After(200 * time.Millisecond):
	}
	// Not SIGINT: what a shell runs in the background may have that ignored.
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))

	select {
	case err := <-ended:
		require.EqualError(t, err, "signal: terminated")
	case <-time.After(20 * time.Second):
		require.Fail(t, "it is deaf")
	}
}

func TestACacheThatOthersMayWriteIsRefused(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	kept := filepath.Join(root, ".cache")
	require.NoError(t, os.Mkdir(kept, 0o755))
	require.NoError(t, os.Chmod(kept, 0o777))

	got := alone(t, root, "build-all", "--offline")

	assert.Equal(t, exitFailed, got.code)
	assert.Equal(t, "ci: keep in "+kept+" what later runs reuse: every user may write to "+kept+
		", so what is kept cannot be trusted; type `chmod go-w "+kept+" && rm -r "+kept+"`, which loses nothing, or pass a folder of your own with --cache\n", got.stderr)
	left, err := os.ReadDir(kept)
	require.NoError(t, err)
	assert.Empty(t, left, "nothing is written into it")
}
