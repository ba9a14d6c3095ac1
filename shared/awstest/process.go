// Package awstest starts the servers that tests use instead of AWS: S3 (gofakes3),
// DynamoDB (dynalite) and Lambda's Invoke operation, each on a free loopback port.
package awstest

import (
	"bytes"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Credentials and region of the servers.
const (
	AccessKey = "test-access-key"
	SecretKey = "test-secret-key"
	Region    = "us-east-1"
)

// readyLimit is how long a server may take until it answers. Node.js starts in about
// one second on a busy two-core machine.
const readyLimit = 30 * time.Second

// Root returns the folder of go.work: the repository's root.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.work in any folder above the test")
		dir = parent
	}
}

// Find returns the path in the environment variable. If the variable is empty, it
// returns the first of paths, which are relative to the repository's root, that
// exists. If none exists, the test fails.
func Find(t testing.TB, variable string, paths ...string) string {
	t.Helper()
	if path := os.Getenv(variable); path != "" {
		return path
	}
	root := Root(t)
	for _, path := range paths {
		full := filepath.Join(root, path)
		if info, err := os.Stat(full); err == nil && !info.IsDir() {
			return full
		}
	}
	t.Fatalf("%s is missing: run make tools, or set %s to the path of the program", paths[0], variable)
	return ""
}

// environment sets the variables that every AWS client needs, and sends logs to the
// test's output, which go test shows when the test fails.
func environment(t testing.TB) {
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(func() { slog.SetDefault(previous) })
	t.Setenv("AWS_ACCESS_KEY_ID", AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", SecretKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_REGION", Region)
}

// freeAddress returns a loopback address with a free port.
func freeAddress(t testing.TB) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { require.NoError(t, listener.Close()) }()
	return listener.Addr().String()
}

// start runs a server until the test ends and waits until url answers.
func start(t testing.TB, url, program string, args ...string) {
	t.Helper()
	var output locked
	cmd := exec.Command(program, args...)
	cmd.Stdout, cmd.Stderr = &output, &output
	require.NoError(t, cmd.Start(), "start %s", program)
	exited := make(chan struct{})
	go func() {
		_ = cmd.Wait() // the cleanup kills it, so this is always an error
		close(exited)
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-exited
	})
	for deadline := time.Now().Add(readyLimit); ; time.Sleep(20 * time.Millisecond) {
		if answers(url) {
			return
		}
		select {
		case <-exited:
			t.Fatalf("%s ended before it answered at %s: %s", program, url, output.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer at %s within %s: %s", program, url, readyLimit, output.String())
		}
	}
}

func answers(url string) bool {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	return response.StatusCode < http.StatusInternalServerError
}

// locked is a buffer that a process can write to while the test reads it.
type locked struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write implements io.Writer.
func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String returns everything written so far.
func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
