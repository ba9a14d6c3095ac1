package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	testscript.Main(folders{m}, map[string]func(){"ci": main})
}

// folders makes the folders that tests share, and removes them.
type folders struct{ *testing.M }

// shared is a folder that ends with this process.
var shared string

func (f folders) Run() int {
	dir, err := os.MkdirTemp("", "ci-test-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	shared = dir
	return f.M.Run()
}

// kept is the cache of the command lines, one for all workspaces as a person has it: what a
// test made is not made again by the next one.
func kept() string { return filepath.Join(shared, "cache") }

// environment holds what a command line sees beside the variables of this process. Tests
// run beside each other, so none can set variables of this process for its command lines.
type environment map[string]string

// with returns the variables of a stand-in of AWS.
func with(aws interface{ Environment() map[string]string }) environment { return aws.Environment() }

// and returns the environment with more variables, or others.
func (e environment) and(more environment) environment {
	all := environment{}
	for _, one := range []environment{e, more} {
		for name, value := range one {
			all[name] = value
		}
	}
	return all
}

// command returns a command line as a process of its own.
func (e environment) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), self, args...)
	cmd.Args[0] = "ci" // see TestMain
	cmd.Env = os.Environ()
	for name, value := range e {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// result is what a command line gave.
type result struct {
	code           int
	stdout, stderr string
}

// run runs a command line.
func (e environment) run(t *testing.T, args ...string) result {
	t.Helper()
	cmd := e.command(t, args...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) {
		require.NoError(t, err)
	}
	return result{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// in runs a command line in a workspace.
func (e environment) in(t *testing.T, root string, args ...string) result {
	t.Helper()
	return e.run(t, append([]string{"--root", root, "--cache", kept()}, args...)...)
}

// alone runs a command line in a workspace whose cache no other workspace has.
func alone(t *testing.T, root string, args ...string) result {
	t.Helper()
	return command(t, root, append([]string{"--cache", filepath.Join(root, ".cache")}, args...)...)
}

// command runs a command line in a workspace, with the variables of this process.
func command(t *testing.T, root string, args ...string) result {
	t.Helper()
	return environment(nil).in(t, root, args...)
}
