//go:build unix

package main

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
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

// engine is a subject whose caches are in a daemon, not in its state folder.
type engine interface {
	Subject
	// Empty deletes everything that the engine keeps, also for other projects.
	Empty(ctx context.Context) error
	answers(ctx context.Context) error
}

// findEngines returns the engines that answer. For each other one, it says why it is not
// measured.
func findEngines(ctx context.Context, daggerArgs, second string, say func(string)) []Subject {
	args := strings.Fields(daggerArgs)
	engines := []engine{dagger{name: nameDagger, binary: "dagger", args: args}, buildkit{binary: "buildctl"}}
	if binary, host, ok := strings.Cut(second, " "); ok {
		engines = append(engines, dagger{name: nameSecond, binary: binary, host: host, args: args})
	}
	var found []Subject
	for _, e := range engines {
		if err := e.answers(ctx); err != nil {
			reason, _, _ := strings.Cut(err.Error(), "\n")
			say(e.Name() + " is not measured: " + reason)
			continue
		}
		found = append(found, e)
	}
	return found
}

// idle returns the subject that measures what every call of Dagger takes.
func (o options) idle() []Subject {
	var idle []Subject
	for _, d := range o.scaled() {
		idle = append(idle, idleDagger{d.(dagger)})
	}
	return idle
}

// emptied returns the engines for the cold case; none unless they may be emptied.
func (o options) emptied() []Subject {
	if !o.emptyEngines {
		return nil
	}
	return o.engines
}

// scaled returns the engines for the cases of generated functions: only Dagger, because a
// hundred builds of Dockerfiles at once would measure the machine's memory.
func (o options) scaled() []Subject {
	return slices.DeleteFunc(slices.Clone(o.engines), func(s Subject) bool { _, ok := s.(dagger); return !ok })
}
