//go:build !steps

package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/documents"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// publishedFlags say where images were published, and under which commit.
type publishedFlags struct {
	target targetFlags
	commit string
}

func (f *publishedFlags) add(cmd *cobra.Command, commit string) {
	cmd.Flags().StringVar(&f.commit, "commit", "", commit)
	f.target.addLocal(cmd, "read dist/registry, where publish --local publishes")
	f.target.add(cmd)
}

func (f *publishedFlags) check() error {
	if f.commit == "" && (f.target.local || f.target.given()) {
		return usageError{errors.New("--commit is missing; pass the commit that the image was published under")}
	}
	if err := checkCommit("commit", f.commit); err != nil {
		return err
	}
	return f.target.check()
}

// attached reads the document of a kind that is attached to the published image: in the
// registry of its function, or as the deploy copy in the private registry.
func (f *publishedFlags) attached(ctx context.Context, c *catalog.Catalog, function catalog.Function, kind string, deployCopy bool) (document []byte, err error) {
	t, err := f.target.open(ctx, c, []catalog.Function{function})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	items := reference.Items([]catalog.Function{function}, t.hosts, f.commit)
	if deployCopy {
		items = reference.PrivateItems([]catalog.Function{function}, t.hosts, f.commit)
	}
	return documents.Find(ctx, t.registry, items[0], f.commit, kind)
}
