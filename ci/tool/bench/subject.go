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

// Subject is one way to build all functions of a workspace. To add one, write a
// file with a type like this and name it in [options.subjects].
type Subject interface {
	// Name is what the tables call it.
	Name() string
	// Prepare makes state, an empty folder, what a cold build begins with: it
	// puts there what is downloaded once and is not built. It is not timed.
	Prepare(ctx context.Context, state string) error
	// Build builds the functions of the workspace. All that it keeps for the next
	// time goes below state. It is what is timed.
	Build(ctx context.Context, w *catalog.Catalog, state string) error
}

// goCache is the setting that gives a subject a Go build cache of its own: with
// a shared one the first subject would compile for the others.
func goCache(state string) string { return "GOCACHE=" + goCacheIn(state) }

// goCacheIn is where a subject with that state has its Go build cache.
func goCacheIn(state string) string { return filepath.Join(state, "gocache") }

// runCommand runs a command and shows what it printed only if it failed. When
// its context ends, the programs that it started end with it: they would go on
// writing to a folder that is about to be deleted.
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
