//go:build !steps

package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy/handoff"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
)

// read prints the published images.
func (f *handoffFlags) read(ctx context.Context, a *app, cmd *cobra.Command) (err error) {
	t := targetFlags{region: f.region, account: f.account, local: f.local}
	t.hosts.Private = f.registry
	if err := t.check(); err != nil {
		return err
	}
	c, functions, err := a.selected(f.only)
	if err != nil {
		return err
	}
	name, err := commit.Head(ctx, c.Root, f.commit)
	if errors.Is(err, commit.ErrNoRepository) && f.commit != "" {
		name, err = f.commit, nil
	}
	if err != nil {
		return err
	}
	if f.commit != "" {
		name = f.commit
	}
	// Lambda takes images from the private registry only, also those of public functions.
	private := asPrivate(functions)
	opened, err := t.open(ctx, c, private)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, opened.close()) }()
	images, err := handoff.Read(ctx, opened.client, private, opened.hosts, name)
	if err != nil {
		return err
	}
	if f.format == "" && !a.json {
		return images.Table(cmd.OutOrStdout())
	}
	return images.Write(cmd.OutOrStdout(), f.format)
}

// asPrivate are the functions as if none were public: what they need of the private registry only.
func asPrivate(functions []catalog.Function) []catalog.Function {
	private := slices.Clone(functions)
	for n := range private {
		private[n].Registry = catalog.Private
	}
	return private
}
