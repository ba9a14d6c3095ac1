package invoke_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/run/invoke"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start compiles testdata/function.go, which does what its event says, and starts it in a
// root folder without other files.
func start(t *testing.T, env ...string) *invoke.Function {
	t.Helper()
	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "var/task"), 0o755))
	build := exec.Command("go", "build", "-o", filepath.Join(root, image.BootstrapPath), "testdata/function.go")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := build.CombinedOutput()
	require.NoError(t, err, string(out))
	var logs bytes.Buffer
	f, err := invoke.Start(root, invoke.Options{Name: "Tested", Env: env, Logs: &logs})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Stop()) })
	return f
}

func TestInvoke(t *testing.T) {
	f := start(t, "GREETING=hello")
	for _, test := range []struct {
		name, event, payload string
		failed               *invoke.FunctionError
	}{
		{name: "an answer", event: `"echo"`, payload: `"echo"`},
		{name: "its environment", event: `"env"`, payload: `"hello Tested"`},
		{name: "an error", event: `"fail"`, failed: &invoke.FunctionError{Type: "TestError", Message: "as asked"}},
		{name: "again after an error", event: `"echo"`, payload: `"echo"`},
		{name: "too much", event: `"large"`, failed: &invoke.FunctionError{Type: "Function.ResponseSizeTooLarge", Message: "the response is larger than 6291456 bytes"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := f.Invoke(t.Context(), []byte(test.event))
			require.NoError(t, err)
			assert.Equal(t, test.failed, r.Error)
			assert.Equal(t, test.payload, string(r.Payload))
			assert.Positive(t, r.Duration)
		})
	}

	t.Run("the wait ends at the deadline", func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := f.Invoke(ctx, []byte(`"sleep"`))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		r, err := f.Invoke(t.Context(), []byte(`"echo"`))
		require.NoError(t, err, "a late answer does not disturb the next invocation")
		assert.Equal(t, `"echo"`, string(r.Payload))
	})
}

func TestReady(t *testing.T) {
	f := start(t)
	took, err := f.Ready(t.Context())
	require.NoError(t, err)
	assert.Positive(t, took)
	again, err := f.Ready(t.Context())
	require.NoError(t, err)
	assert.Equal(t, took, again, "the first request counts")
	process, err := os.FindProcess(f.PID())
	require.NoError(t, err)
	require.NoError(t, process.Signal(syscall.Signal(0)), "the process runs")

	failed := start(t, "FAIL_INIT=1")
	_, err = failed.Ready(t.Context())
	require.EqualError(t, err, "the function did not start: Runtime.InitError: no start")
}

func TestAFunctionThatEnds(t *testing.T) {
	f := start(t)
	for range 2 { // it stays ended
		_, err := f.Invoke(t.Context(), []byte(`"exit"`))
		require.EqualError(t, err, "wait for the function's answer: the function ended before it answered: exit status 7")
	}
}

func TestAFunctionThatCannotStart(t *testing.T) {
	f := start(t, "FAIL_INIT=1")
	r, err := f.Invoke(t.Context(), []byte(`{}`))
	require.NoError(t, err)
	assert.Equal(t, &invoke.FunctionError{Type: "Runtime.InitError", Message: "no start"}, r.Error)

	_, err = invoke.Start(t.TempDir(), invoke.Options{Name: "Tested"})
	require.ErrorContains(t, err, "start Tested: ")
}
