package cache

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTwoProgramsDiffer(t *testing.T) {
	// What differs is behind the beginning: the data of a program.
	source := func(text string) string {
		return "package main\n\nfunc main() { println(\"" + strings.Repeat("x", 2*beginning) + text + "\") }\n"
	}
	for name, flags := range map[string][]string{
		"with a build ID":    nil,
		"without a build ID": {"-ldflags=-buildid="},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			one := program(t, source("one"), flags)
			assert.Equal(t, one, program(t, source("one"), flags), "the same program in another folder")
			assert.NotEqual(t, one, program(t, source("two"), flags))
		})
	}
}

// program builds a program and returns what identifies it.
func program(t *testing.T, source string, flags []string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "main.go"), []byte(source), 0o600))
	out := filepath.Join(dir, "program")
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"build", "-trimpath", "-o", out}, append(flags, "main.go")...)...)
	cmd.Dir = dir
	said, err := cmd.CombinedOutput()
	require.NoError(t, err, string(said))
	f, err := os.Open(out)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	id, err := identify(f)
	require.NoError(t, err)
	return id
}
