package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"syscall"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Subject is a program that builds all functions of a workspace. To add one, write a type
// with these methods and add it to [options.subjects].
type Subject interface {
	// Name is the name in the tables.
	Name() string
	// Prepare copies to state, an empty folder, what a cold build starts with: files
	// that are downloaded once and not built. It is not timed.
	Prepare(ctx context.Context, state string) error
	// Build builds the functions of the workspace. It keeps its caches in state. It is
	// timed.
	Build(ctx context.Context, w *catalog.Catalog, state string) error
}

// goCache is the variable that gives a subject its own Go build cache. With a shared
// cache, the first subject would compile for the others.
func goCache(state string) string { return "GOCACHE=" + goCacheIn(state) }

// goCacheIn returns the folder of the Go build cache in a state folder.
func goCacheIn(state string) string { return filepath.Join(state, "gocache") }

// runCommand runs a command; its output is part of the error if it fails. When the
// context ends, it also ends the programs that the command started, which would continue
// to write to a folder that is about to be deleted.
func runCommand(cmd *exec.Cmd) error {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("run %s %s: %w\n%s", filepath.Base(cmd.Path), cmd.Args[1], err, out.String())
	}
	return nil
}
