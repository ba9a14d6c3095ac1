//go:build unix

package main

import (
	"context"
	"errors"
	"os/exec"
	"path"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// buildkit builds a Dockerfile of ci/docker for each function, all at once, into
// BuildKit's own image store. BUILDKIT_HOST is the address of BuildKit, as always for
// buildctl. Its caches are not in the subject's state.
type buildkit struct{ binary string }

func (buildkit) Name() string { return nameBuildKit }

func (buildkit) Prepare(context.Context, string) error { return nil }

func (b buildkit) Build(ctx context.Context, w *catalog.Catalog, _ string) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, f := range w.Functions {
		g.Go(func() error { return runCommand(b.command(ctx, w.Root, f)) })
	}
	return g.Wait()
}

func (b buildkit) command(ctx context.Context, root string, f catalog.Function) *exec.Cmd {
	cmd := exec.CommandContext(ctx, b.binary, "build", "--progress=quiet",
		"--frontend=dockerfile.v0", "--local=context=.", "--local=dockerfile=ci/docker",
		"--opt=filename=Dockerfile."+string(f.Variant),
		"--opt=build-arg:CMD_TARGET="+path.Base(f.Folder),
		"--opt=platform="+platform.String(),
		"--output=type=image,name=bench.internal/"+f.Image+":latest,unpack=false")
	cmd.Dir = root
	return cmd
}

// Empty deletes everything that BuildKit keeps, also for other projects.
func (b buildkit) Empty(ctx context.Context) error {
	return runCommand(exec.CommandContext(ctx, b.binary, "prune", "--all"))
}

// answers returns an error if BuildKit does not answer.
func (b buildkit) answers(ctx context.Context) error {
	if err := runCommand(exec.CommandContext(ctx, b.binary, "debug", "workers")); err != nil {
		return errors.Join(errors.New("BuildKit does not answer; set BUILDKIT_HOST to its address"), err)
	}
	return nil
}
