//go:build unix

package main

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"time"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// dagger is `dagger call build-all` of this repository's module, on the engine that the
// program dagger finds. The engine's caches are not in the subject's state.
type dagger struct {
	name   string
	binary string
	// host is the address of the engine; empty for that of the environment.
	host string
	// args come before the function, such as --base and a reference.
	args []string
}

func (d dagger) Name() string { return d.name }

func (dagger) Prepare(context.Context, string) error { return nil }

func (d dagger) Build(ctx context.Context, w *catalog.Catalog, _ string) error {
	return runCommand(d.command(ctx, w.Root, slices.Concat([]string{"call"}, d.args, []string{"build-all"})...))
}

// Empty deletes everything that the engine keeps, also for other projects.
func (d dagger) Empty(ctx context.Context) error {
	return runCommand(d.command(ctx, "", "core", "engine", "local-cache", "prune"))
}

func (d dagger) command(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, d.binary, append([]string{"--silent"}, args...)...)
	cmd.Dir = dir
	if d.host != "" {
		cmd.Env = append(cmd.Environ(), "_EXPERIMENTAL_DAGGER_RUNNER_HOST="+d.host)
	}
	return cmd
}

// answers returns an error if no engine answers within a minute; dagger itself would wait
// for ever.
func (d dagger) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	if err := runCommand(d.command(ctx, "", "core", "version")); err != nil {
		return fmt.Errorf("no Dagger engine answers: %w", err)
	}
	return nil
}

// idleDagger asks the engine for its version, without a module: the time that each call
// of dagger takes before it does anything.
type idleDagger struct{ dagger }

func (d idleDagger) Name() string { return d.name + itsVersion }

func (d idleDagger) Build(ctx context.Context, _ *catalog.Catalog, state string) error {
	return runCommand(d.command(ctx, state, "core", "version"))
}
