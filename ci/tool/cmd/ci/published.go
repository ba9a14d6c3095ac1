//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/documents"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
)

// publishedFlags say where images were published, and under which commit.
type publishedFlags struct {
	target targetFlags
	commit string
	local  bool
}

func (f *publishedFlags) add(cmd *cobra.Command, commit string) {
	cmd.Flags().StringVar(&f.commit, "commit", "", commit)
	cmd.Flags().BoolVar(&f.local, "local", false, "read dist/registry, where publish --local publishes")
	f.target.add(cmd)
}

func (f *publishedFlags) check() error {
	switch {
	case f.commit == "" && (f.local || f.target != targetFlags{}):
		return usageError{errors.New("--commit is missing; pass the commit that the image was published under")}
	case f.commit == "":
		return nil
	case f.local && (f.target != targetFlags{}):
		return usageError{errors.New("--local cannot be combined with --private-registry, --public-registry, --region, --account and --public-alias")}
	}
	if err := commit.Check(f.commit); err != nil {
		return usageError{fmt.Errorf("--commit: %w", err)}
	}
	return f.target.check()
}

// open returns the registries.
func (f *publishedFlags) open(ctx context.Context, root string) (*target, error) {
	if f.local {
		t, _, err := localTarget(root, 0)
		return t, err
	}
	return f.target.open(ctx)
}

// attached reads the document of a kind that is attached to the published image.
func (f *publishedFlags) attached(ctx context.Context, c *catalog.Catalog, function catalog.Function, kind string) (document []byte, err error) {
	t, err := f.open(ctx, c.Root)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	return documents.Find(ctx, t.registry, publish.Items([]catalog.Function{function}, t.hosts, f.commit)[0], f.commit, kind)
}
