//go:build !steps

package main

import (
	"context"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/deploy/status"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// published reads the private registry for status.
type published struct {
	*registry.Client
	kept *cache.Cache // nil if this machine has none
}

// Platform is what an image is for.
func (p published) Platform(ctx context.Context, repository, digest string) string {
	return p.Platforms(ctx, p.kept, repository, []string{digest})[digest]
}

// Commits returns the commits with which the image was published.
func (p published) Commits(ctx context.Context, repository, digest string) ([]string, error) {
	h, err := v1.NewHash(digest)
	if err != nil {
		return nil, err
	}
	attached, err := referrer.List(ctx, p.Client, repository, h)
	if err != nil {
		return nil, err
	}
	var commits []string
	for _, a := range attached {
		if a.Commit != "" && !slices.Contains(commits, a.Commit) {
			commits = append(commits, a.Commit)
		}
	}
	return commits, nil
}

func newStatus(a *app) *cobra.Command {
	var f fleetFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what every Lambda function runs, since when, and the problems",
		Long: `Show what every Lambda function runs, since when, and the problems.

A problem is: a function runs an image that no release record names; latest is newer
than the image that runs; the image that runs is missing from the repository, or
its live tag names another one; Lambda reports that a function failed; a function does
not exist; or functions are not as the last release left them, as after a deploy that was
killed: then it says which commit they run, and what to type. The exit code is 0 even if
there are problems.

The last release is that of the account and region of the functions; others may deploy
from the same registry.`,
		Example: "  bin/ci status\n  bin/ci status --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			c, err := a.catalog()
			if err != nil {
				return err
			}
			fl, err := f.open(cmd.Context(), c)
			if err != nil {
				return err
			}
			releases, err := fl.records.Releases(cmd.Context())
			if err != nil {
				return err
			}
			kept, _ := a.cache() // without it, more is read
			functions := catalog.Running(c.Functions)
			rows, err := status.Look(cmd.Context(), fl.lambda, published{fl.registry, kept}, fl.side, releases, publish.PrivateItems(functions, fl.hosts, ""), functions)
			if err != nil {
				return err
			}
			r := status.NewReport(fl.side, rows, releases)
			return a.print(cmd, r, r.Table)
		},
	}
	f.add(cmd)
	return cmd
}
