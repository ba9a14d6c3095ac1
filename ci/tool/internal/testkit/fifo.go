//go:build unix

package testkit

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// Fifo makes a named pipe.
func Fifo(t testing.TB, name string) {
	t.Helper()
	require.NoError(t, syscall.Mkfifo(name, 0o600))
}
