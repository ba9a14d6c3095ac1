//go:build steps

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// verbs stand for the commands of [rest]: each runs the whole program.
func verbs(*app) []*cobra.Command {
	var all []*cobra.Command
	for _, r := range rest {
		cmd := &cobra.Command{
			Use: r.use, Short: r.short, DisableFlagParsing: true,
			RunE: func(cmd *cobra.Command, _ []string) error { return whole(cmd) },
		}
		cmd.SetHelpFunc(func(cmd *cobra.Command, _ []string) {
			if err := whole(cmd); err != nil {
				cmd.PrintErrln("ci:", err)
			}
		})
		all = append(all, cmd)
	}
	return all
}

func (f *handoffFlags) read(_ context.Context, _ *app, cmd *cobra.Command) error { return whole(cmd) }

func (f *stageFlags) run(_ context.Context, _ *app, cmd *cobra.Command, _ *buildFlags) error {
	return whole(cmd)
}

func (f *remoteFlags) invoke(_ context.Context, cmd *cobra.Command, _ catalog.Function, _ []byte) (invoke.Response, error) {
	return invoke.Response{}, whole(cmd)
}

// whole runs the whole program in the place of this one, with the same arguments. It
// compiles the program first, if that was not done since this one was made.
func whole(cmd *cobra.Command) error {
	self, err := os.Executable()
	if err == nil {
		self, err = filepath.EvalSymlinks(self)
	}
	if err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	source := filepath.Join(filepath.Dir(self), "..", "ci", "tool")
	if _, err := os.Stat(filepath.Join(source, "cmd", "ci")); err != nil {
		return usageError{fmt.Errorf("`%s` is not in this program, which holds the steps of a build only, and its sources are not in %s; compile all of it there: go build ./cmd/ci", cmd.CommandPath(), source)}
	}
	program := filepath.Join(filepath.Dir(self), ".ci-whole")
	if older(program, self) {
		done := report.NewProgress(cmd.ErrOrStderr()).Step("compile the rest of bin/ci, once; a minute or two on an empty machine")
		build := exec.CommandContext(cmd.Context(), "go", "build", "-trimpath", "-o", program, "./cmd/ci")
		build.Dir, build.Stderr = source, cmd.ErrOrStderr()
		build.Env = slices.Concat([]string{gobuild.Collector}, os.Environ(), []string{"CGO_ENABLED=0"})
		err := build.Run()
		if err == nil { // go leaves the time of a program that is current
			now := time.Now()
			err = os.Chtimes(program, now, now)
		}
		done(err)
		if err != nil {
			return fmt.Errorf("compile the rest of bin/ci in %s: %w", source, err)
		}
	}
	return fmt.Errorf("run %s: %w", program, syscall.Exec(program, os.Args, os.Environ()))
}

// older tells whether a file is older than another, or missing.
func older(file, than string) bool {
	a, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		return true
	}
	b, err2 := os.Stat(than)
	return err == nil && err2 == nil && a.ModTime().Before(b.ModTime())
}
