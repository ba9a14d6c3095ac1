// Package leaktest finds what a function leaves behind after many invocations:
// goroutines, open files and temporary files.
package leaktest

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

const (
	// warmUp is how many invocations come before the measurement: they open what a
	// function keeps on purpose, for instance connections.
	warmUp = 5
	// descriptorSlack is how many more connections a pool may have open at the end.
	descriptorSlack = 8
)

// Invocations calls invoke n times, with the number of the call. It fails the test if
// there are more goroutines, file descriptors or temporary files at the end than after
// the first five calls.
func Invocations(t *testing.T, n int, invoke func(i int)) {
	t.Helper()
	require.Greater(t, n, warmUp)
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	for i := range warmUp {
		invoke(i)
	}
	// A pool may replace a connection, and with it these two goroutines. Each belongs to
	// a connection, so the number of descriptors shows whether they grow.
	ignore := []goleak.Option{
		goleak.IgnoreCurrent(),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"),
		goleak.IgnoreAnyFunction("net/http.(*persistConn).writeLoop"),
	}
	before := descriptors(t)
	for i := warmUp; i < n; i++ {
		invoke(i)
	}
	goleak.VerifyNone(t, ignore...)
	assert.LessOrEqual(t, descriptors(t), before+descriptorSlack, "open files and connections after %d invocations", n)
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, left, "temporary files after %d invocations", n)
}

func descriptors(t *testing.T) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(entries)
}
