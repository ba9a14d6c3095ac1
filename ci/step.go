package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"lambdas.internal/ci/internal/dagger"
)

// step returns a container in which the program runs on a source: the workspace, or the
// files that describe it. A volume holds what the program keeps for later runs.
func (m *Ci) step(from *dagger.Container, source *dagger.Directory) *dagger.Container {
	return from.
		WithFile(toolPath, m.tool()).
		WithEnvVariable("CI_CACHE", toolCache).
		WithMountedCache(toolCache, m.volume("ci")).
		WithMountedDirectory(workspace, source).
		WithWorkdir(workspace)
}

// described returns the files that say which functions exist and what their images
// start from. An edit of code does not change them, so steps that see only these files
// stay cached.
func described(source *dagger.Directory) *dagger.Directory {
	return source.Filter(dagger.DirectoryFilterOpts{
		Include: []string{"go.work", "**/go.mod", "**/image.json", "ci/pipeline.json", lockPath},
	})
}

// run adds one call of the program.
func (m *Ci) run(in *dagger.Container, args ...string) *dagger.Container {
	return in.WithExec(append([]string{"ci"}, args...))
}

// output returns what the step printed.
func output(ctx context.Context, step *dagger.Container) (string, error) {
	out, err := step.Stdout(ctx)
	return out, complaint(err)
}

// done runs the step and returns it.
func done(ctx context.Context, step *dagger.Container) (*dagger.Container, error) {
	step, err := step.Sync(ctx)
	return step, complaint(err)
}

// complaint returns the program's own error message, without the text that the engine
// puts around it.
func complaint(err error) error {
	var failed *dagger.ExecError
	switch {
	case errors.As(err, &failed):
	case err != nil && strings.Contains(err.Error(), "failed to resolve image"): // the builder, which the engine pulls
		return fmt.Errorf("%w; if its registry no longer has it: bin/ci lock, then commit ci/images.lock.json", err)
	default:
		return err
	}
	var said []string
	for line := range strings.Lines(failed.Stderr) {
		text, ours := strings.CutPrefix(strings.TrimRight(line, "\n"), "ci: ")
		if ours && !strings.HasPrefix(text, "warning: ") {
			said = append(said, text)
		}
	}
	if len(said) == 0 {
		return err
	}
	return errors.New(strings.Join(said, "\n"))
}

// platformArgs returns args with the flag for the platform, if one is chosen for all functions.
func (m *Ci) platformArgs(args ...string) []string {
	return slices.Concat(args, optional("--platform", m.Platform))
}

// optional returns the flag and its value, or nothing if the value is empty.
func optional(name, value string) []string {
	if value == "" {
		return nil
	}
	return []string{name, value}
}

// number returns the flag and its value, or nothing if it is 0.
func number(name string, value int) []string {
	if value == 0 {
		return nil
	}
	return []string{name, strconv.Itoa(value)}
}

// each returns the flag once for each value.
func each(name string, values []string) (args []string) {
	for _, value := range values {
		args = append(args, name, value)
	}
	return args
}

// named returns the flags that select images by name.
func named(images []string) []string { return each("--only", images) }
