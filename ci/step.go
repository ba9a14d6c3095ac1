package main

import (
	"context"
	"errors"
	"slices"
	"strings"

	"lambdas.internal/ci/internal/dagger"
)

// step is a container in which the program runs on a source, the workspace or
// what describes it. What it keeps for later runs is in a volume.
func (m *Ci) step(from *dagger.Container, source *dagger.Directory) *dagger.Container {
	return from.
		WithFile(toolPath, m.tool()).
		WithEnvVariable("CI_CACHE", toolCache).
		WithMountedCache(toolCache, dag.CacheVolume("lambdas-ci")).
		WithMountedDirectory(workspace, source).
		WithWorkdir(workspace)
}

// described is what says which functions there are and what images start from.
// An edit of code leaves it, and the steps that see no more, as they are.
func (m *Ci) described() *dagger.Directory {
	return m.Source.Filter(dagger.DirectoryFilterOpts{
		Include: []string{"go.work", "functions/*/go.mod", "functions/*/image.json", "ci/images.lock.json"},
	})
}

// run appends one call of the program.
func (m *Ci) run(in *dagger.Container, args ...string) *dagger.Container {
	return in.WithExec(append([]string{"ci"}, args...))
}

// output is what the step printed.
func output(ctx context.Context, step *dagger.Container) (string, error) {
	out, err := step.Stdout(ctx)
	return out, complaint(err)
}

// done is the step once it ran.
func done(ctx context.Context, step *dagger.Container) (*dagger.Container, error) {
	step, err := step.Sync(ctx)
	return step, complaint(err)
}

// complaint is what the program itself said of its failure, without what the
// engine puts around it.
func complaint(err error) error {
	var failed *dagger.ExecError
	if !errors.As(err, &failed) {
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

// platformArgs are args and the flag that says what to build for.
func (m *Ci) platformArgs(args ...string) []string {
	return slices.Concat(args, []string{"--platform", string(m.Platform)})
}

// optional returns the flag and its value, or nothing when it has none.
func optional(name, value string) []string {
	if value == "" {
		return nil
	}
	return []string{name, value}
}

// named are the flags that select images by name.
func named(images []string) (args []string) {
	for _, image := range images {
		args = append(args, "--only", image)
	}
	return args
}
