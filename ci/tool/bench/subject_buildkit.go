package main

import (
	"context"
	"errors"
	"os/exec"
	"path"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// buildkit is one build of a Dockerfile of ci/docker for each function, all at
// once, into BuildKit's own image store. BUILDKIT_HOST says where BuildKit is,
// as for every use of buildctl. What it keeps is not below the subject's state.
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

// Empty deletes all that BuildKit keeps, for other projects too.
func (b buildkit) Empty(ctx context.Context) error {
	return runCommand(exec.CommandContext(ctx, b.binary, "prune", "--all"))
}

// answers says whether BuildKit is there.
func (b buildkit) answers(ctx context.Context) error {
	if err := runCommand(exec.CommandContext(ctx, b.binary, "debug", "workers")); err != nil {
		return errors.Join(errors.New("no BuildKit answers; BUILDKIT_HOST says where it is"), err)
	}
	return nil
}
