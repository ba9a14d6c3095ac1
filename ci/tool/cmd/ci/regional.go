//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/report/regionerr"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// regional is what of a command belongs to one of several regions. The zero value is that of a
// command in one region, where nothing names it.
type regional struct {
	name string // of the region
	// all are the flags that name all regions of the command in a command to type, and env those
	// that --region is added to.
	all, env string
}

// label names the region in a text.
func (r regional) label(text string) string {
	if r.name == "" {
		return text
	}
	return r.name + ": " + text
}

// only are the flags of a command to type for this region alone.
func (r regional) only() string {
	if r.name == "" {
		return ""
	}
	return r.env + " --region " + r.name
}

// warn prints a warning.
func (r regional) warn(cmd *cobra.Command, format string, args ...any) {
	warn(cmd, []string{r.label(fmt.Sprintf(format, args...))})
}

// each returns the flags for each region of the command, in their order. All use one login: each
// could ask for an MFA code.
func (f *targetFlags) each(cmd *cobra.Command) ([]fleetFlags, error) {
	names := f.region
	if len(names) < 2 {
		return []fleetFlags{{targetFlags: *f}}, nil
	}
	in := regional{all: " --region " + strings.Join(names, ",")}
	if flag := cmd.Flags().Lookup(environmentFlag); flag != nil && flag.Changed {
		in.env = " --" + environmentFlag + " " + flag.Value.String()
		in.all = in.env + in.all
	}
	var all []fleetFlags
	for _, name := range names {
		one, err := f.in(cmd.Context(), name)
		if err != nil {
			return nil, err
		}
		in.name = name
		all = append(all, fleetFlags{one, in})
	}
	return all, nil
}

// read calls do for each region at the same time, and returns the error of each. It is for what
// changes nothing: a region that is out of reach does not stop the others. Of several, each is a
// step: it is asked again for a minute if it does not answer.
func read(cmd *cobra.Command, regions []fleetFlags, do func(ctx context.Context, n int) error) []error {
	errs := make([]error, len(regions))
	progress := report.NewProgress(cmd.ErrOrStderr())
	var g errgroup.Group
	for n, in := range regions {
		g.Go(func() error {
			done := func(error) {}
			if in.name != "" {
				done = progress.Step("read " + in.name)
			}
			err := do(cmd.Context(), n)
			done(err)
			errs[n] = regionerr.Name(in.name, err)
			return nil
		})
	}
	_ = g.Wait() // errs has them
	return errs
}

// unread is the error of a command that went on without some regions.
func unread(errs []error, what string) error {
	err := errors.Join(errs...)
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w\n%s", err, what)
}

// missing returns the images of the targets that the registry of the region does not have, and
// that were not moved to the archive either.
func (f *fleet) missing(ctx context.Context, targets []deploy.Target) ([]deploy.Target, error) {
	gone := make([]bool, len(targets))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, t := range targets {
		g.Go(func() error {
			_, ok, err := f.registry.Digest(gctx, t.Repository, t.Digest)
			gone[n] = !ok
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var missing []deploy.Target
	for n, t := range targets {
		if gone[n] {
			missing = append(missing, t)
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	archived, _, err := f.archived(ctx, missing)
	return slices.DeleteFunc(missing, func(t deploy.Target) bool {
		return slices.Contains(archived[reference.RepositoryName(catalog.Private, t.Repository)], t.Digest)
	}), err
}
