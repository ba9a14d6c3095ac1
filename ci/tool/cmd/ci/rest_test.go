package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheRestIsInTheWholeProgram(t *testing.T) {
	t.Parallel()
	whole := verbs(&app{})
	require.Len(t, whole, len(rest))
	for n, cmd := range whole {
		assert.Equal(t, rest[n].use, cmd.Use)
		assert.Equal(t, rest[n].short, cmd.Short)
	}
}

// The program of the steps compiles the whole one when a command of it is first used,
// and again only when it was made anew.
func TestLongTheProgramOfTheStepsBecomesTheWhole(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	source, err := filepath.Abs(filepath.Join(repository, "ci", "tool"))
	require.NoError(t, err)
	steps := filepath.Join(root, "bin", "ci")
	build := func() {
		cmd := exec.Command("go", "build", "-trimpath", "-tags", "steps", "-o", steps, ".")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	build()
	call := func(args ...string) (stdout string, code int) {
		cmd := exec.Command(steps, args...)
		out, _ := cmd.Output()
		return string(out), cmd.ProcessState.ExitCode()
	}
	out, code := call("version")
	assert.Zero(t, code)
	assert.Contains(t, out, "go1.")
	out, _ = call("--help")
	assert.Contains(t, out, "Build, audit and push the images")
	out, code = call("publish", "--commit", "abc1234")
	assert.Equal(t, exitUsage, code, "its sources are not beside it: %s", out)
	assert.NoFileExists(t, filepath.Join(root, "bin", ".ci-whole"))

	require.NoError(t, os.MkdirAll(filepath.Join(root, "ci"), 0o755))
	require.NoError(t, os.Symlink(source, filepath.Join(root, "ci", "tool")))
	for _, args := range [][]string{{"publish", "--help"}, {"help", "publish"}, {"--json", "publish", "-h"}} {
		out, code = call(args...)
		assert.Zero(t, code, args)
		assert.Contains(t, out, "--create-repositories", args)
	}
	compiled, err := os.Stat(filepath.Join(root, "bin", ".ci-whole"))
	require.NoError(t, err)
	_, code = call("publish", "--commit", "main")
	assert.Equal(t, exitUsage, code)
	again, err := os.Stat(filepath.Join(root, "bin", ".ci-whole"))
	require.NoError(t, err)
	assert.Equal(t, compiled.ModTime(), again.ModTime(), "it is not compiled twice")
	build()
	require.NoError(t, os.Chtimes(steps, again.ModTime().Add(1e9), again.ModTime().Add(1e9)))
	_, code = call("status", "--help")
	assert.Zero(t, code)
	anew, err := os.Stat(filepath.Join(root, "bin", ".ci-whole"))
	require.NoError(t, err)
	assert.NotEqual(t, compiled.ModTime(), anew.ModTime())
}
