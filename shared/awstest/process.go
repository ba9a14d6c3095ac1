// Package awstest starts the servers that tests use in place of AWS: an S3 server
// (versitygw) and a DynamoDB server (dynalite), each on a free loopback port.
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

// Credentials and region with which the servers are started.
const (
	AccessKey = "test-access-key"
	SecretKey = "test-secret-key"
	Region    = "us-east-1"
)

// readyLimit is how long a server may take to answer; node starts in about one
// second on a busy two-core machine.
const readyLimit = 30 * time.Second

// Root returns the folder of go.work, above the package under test.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.work")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		require.NotEqual(t, dir, parent, "no go.work above the test")
		dir = parent
	}
}

// Find returns the program that the variable names, else the first of the given
// paths below the repository's root that exists. Without any, the test fails.
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
	t.Fatalf("%s is missing: run make tools", paths[0])
	return ""
}

// environment sets what every AWS client needs, and sends logs to the test's own
// output, which is shown when it fails.
func environment(t testing.TB) {
	previous := slog.Default()
	slog.SetDefault(slog.New(slog.NewTextHandler(t.Output(), nil)))
	t.Cleanup(func() { slog.SetDefault(previous) })
	t.Setenv("AWS_ACCESS_KEY_ID", AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", SecretKey)
	t.Setenv("AWS_SESSION_TOKEN", "")
	t.Setenv("AWS_REGION", Region)
}

// freeAddress returns a loopback address that nobody listens on.
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
		_ = cmd.Wait() // killed at the end, so always an error
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
			t.Fatalf("%s ended: %s", program, output.String())
		default:
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s does not answer at %s: %s", program, url, output.String())
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

// locked is a buffer that a process may write while the test reads.
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

// String returns what was written so far.
func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
