//go:build !steps

package main

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/status"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/report/regionerr"
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

With several regions, a problem is also: a function runs different images in them, and a
region does not have images of earlier releases that another one has, so that a rollback to
them would stop there. If a region cannot be read, the others are shown, and the exit code
is 1.

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
			regions, err := f.each(cmd)
			if err != nil {
				return err
			}
			kept, _ := a.cache() // without it, more is read
			if len(regions) > 1 {
				return a.statuses(cmd, c, regions, kept)
			}
			_, r, err := regions[0].status(cmd.Context(), c, kept)
			if err != nil {
				return err
			}
			return a.print(cmd, r, r.Table)
		},
	}
	f.add(cmd)
	return cmd
}

// status reads what the functions of a region run.
func (f *fleetFlags) status(ctx context.Context, c *catalog.Catalog, kept *cache.Cache) (opened, *status.Report, error) {
	in, err := f.opened(ctx, c)
	if err != nil {
		return opened{}, nil, err
	}
	functions := catalog.Running(c.Functions)
	rows, err := status.Look(ctx, in.lambda, published{in.registry, kept}, in.side, in.releases, reference.PrivateItems(functions, in.hosts, ""), functions)
	if err != nil {
		return opened{}, nil, err
	}
	return in, status.NewReport(in.side, rows, in.releases), nil
}

// statuses prints the status of several regions, also if some are out of reach.
func (a *app) statuses(cmd *cobra.Command, c *catalog.Catalog, regions []fleetFlags, kept *cache.Cache) error {
	found, all := make([]opened, len(regions)), make([]status.Regional, len(regions))
	errs := read(cmd, regions, func(ctx context.Context, n int) (err error) {
		all[n].Region = regions[n].name
		if found[n], all[n].Report, err = regions[n].status(ctx, c, kept); err != nil {
			all[n].Error, _, _ = strings.Cut(err.Error(), "\n")
		}
		return err
	})
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	found = slices.DeleteFunc(found, func(in opened) bool { return in.fleet == nil })
	lacking, err := lacking(cmd.Context(), found, c.Pipeline.Keep)
	r := status.Join(all, lacking)
	return errors.Join(unread(errs, "the status of the other regions is printed"), err, a.print(cmd, r, r.Table))
}

// lacking names the images of earlier releases that a region does not have and another one has.
func lacking(ctx context.Context, regions []opened, keep int) (lines []string, err error) {
	if len(regions) < 2 {
		return nil, nil
	}
	var releases []history.Releases
	for _, in := range regions {
		releases = append(releases, in.releases)
	}
	images := status.Earlier(releases, cmp.Or(keep, retention.Keep))
	var held []status.Held
	for _, in := range regions {
		var targets []deploy.Target
		for _, f := range images {
			targets = append(targets, deploy.Target{Image: f.Image, Repository: in.hosts.Private + "/" + below(f.Repository, regions), Digest: f.After})
		}
		gone, failed := in.missing(ctx, targets)
		if failed != nil {
			err = errors.Join(err, regionerr.Name(in.name, failed))
			continue
		}
		has := map[string]bool{}
		for _, f := range images {
			has[f.After] = !slices.ContainsFunc(gone, func(t deploy.Target) bool { return t.Digest == f.After })
		}
		held = append(held, status.Held{Region: in.name, Has: has})
	}
	return status.Lacking(held, images, regions[0].all), err
}

// below is the name of a repository below the private registry of its region.
func below(repository string, regions []opened) string {
	for _, in := range regions {
		if name, ok := strings.CutPrefix(repository, in.hosts.Private+"/"); ok {
			return name
		}
	}
	_, name, _ := strings.Cut(repository, "/")
	return name
}
