//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// diffFlags are the flags of diff.
type diffFlags struct {
	build    buildFlags
	stored   storedFlags
	markdown bool
	top      int
}

func newDiff(a *app) *cobra.Command {
	var f diffFlags
	cmd := &cobra.Command{
		Use:   "diff FROM [TO]",
		Short: "Compare the images of two commits: sizes, Go packages, versions",
		Long: `Compare the images of two commits: sizes, new layers, the Go packages that grew and
the versions that moved.

FROM and TO are each one of

  latest, live       the images that these tags name in the registries
  a commit           the images that were published under it: abc1234, main, HEAD~1
  a folder           the images of an OCI image layout, as build-all writes it

Without TO, the images are built from the work tree. Each image is read from the
registry that its function names; live from the private one. Of the layers, only
that of the binary is read, and only where it changed.

Packages are measured by the table of functions that every Go program has, also one
without symbols; versions are what the program says it was built from. Exit code 0
means that the images were compared; audit is what judges their size.`,
		Example: `  ci diff dist                      # what an edit does to what was built last
  ci diff latest
  ci diff latest --markdown >> "$GITHUB_STEP_SUMMARY"
  ci diff abc1234 def5678 --json
  ci diff main --local

  # Without a registry: against the merge base, built beside the work tree.
  git worktree add ../base $(git merge-base HEAD origin/main)
  ci build-all -C ../base && ci diff ../base/dist`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usageError{fmt.Errorf("name what to compare with, and at most one thing more: `ci diff FROM [TO]`; see `%s --help`", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.diff(cmd, &f, args) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.markdown, "markdown", false, "print the result as Markdown, for the summary of a job")
	flags.IntVar(&f.top, "top", 10, "packages to show of each image, those that changed most; JSON has all")
	f.stored.add(cmd)
	f.build.addAll(cmd)
	return cmd
}

func (f *diffFlags) check(a *app) error {
	switch {
	case f.markdown && a.json:
		return usageError{errors.New("--markdown and --json are two ways to print; say one")}
	case f.top < 0:
		return usageError{fmt.Errorf("--top: %d is not a number of packages; name 0 or more", f.top)}
	}
	return f.stored.check()
}

func (a *app) diff(cmd *cobra.Command, f *diffFlags, args []string) (err error) {
	if err := f.check(a); err != nil {
		return err
	}
	sides, c, err := a.newSides(cmd, &f.stored)
	if err != nil {
		return err
	}
	functions, err := c.Select(f.build.only)
	if err != nil {
		return usageError{err}
	}
	defer func() { err = errors.Join(err, sides.close()) }()
	from, err := sides.named(args[0])
	if err != nil {
		return err
	}
	// FROM is read before anything is built: it may be what the build replaces.
	before, err := from.images(cmd.Context(), functions)
	if err != nil {
		return err
	}
	var to *side
	if len(args) == 2 {
		to, err = sides.named(args[1])
	} else {
		to, err = sides.built(&f.build)
	}
	if err != nil {
		return err
	}
	after, err := to.images(cmd.Context(), functions)
	if err != nil {
		return err
	}
	start := time.Now()
	changes, err := compare(cmd.Context(), functions, before, after)
	if err != nil {
		return err
	}
	r := sizediff.NewReport(from.name, to.name, changes)
	r.Seconds = time.Since(start).Seconds()
	return a.print(cmd, r, func(w io.Writer) error {
		if f.markdown {
			return r.Markdown(w, f.top)
		}
		return r.Table(w, f.top)
	})
}

// compare compares the images of the functions before and after.
func compare(ctx context.Context, functions []catalog.Function, before, after map[string]*sizediff.Source) ([]*sizediff.Change, error) {
	changes := make([]*sizediff.Change, len(functions))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelDiffs)
	for n, f := range functions {
		g.Go(func() (err error) {
			changes[n], err = compareOne(ctx, f.Image, before[f.Image], after[f.Image])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(changes, func(c *sizediff.Change) bool { return c == nil }), nil
}

// parallelDiffs is how many images are compared at once: two programs of each are in
// memory, tens of megabytes.
const parallelDiffs = 4

// compareOne compares the two images of a function; it returns nil for one that
// neither side has.
func compareOne(ctx context.Context, name string, before, after *sizediff.Source) (*sizediff.Change, error) {
	described := func(i *sizediff.Source) *sizediff.Image {
		if i == nil {
			return nil
		}
		return sizediff.Describe(i.Digest, i.Manifest, i.Config)
	}
	b, a := described(before), described(after)
	if b == nil && a == nil {
		return nil, nil
	}
	unknown := ""
	if b != nil && a != nil && b.BinaryLayer() != a.BinaryLayer() {
		for _, side := range []struct {
			from *sizediff.Source
			to   *sizediff.Image
		}{{before, b}, {after, a}} {
			program, err := side.from.Program(ctx)
			if err != nil {
				return nil, fmt.Errorf("compare %s: %w", name, err)
			}
			binary, err := sizediff.ReadBinary(program)
			if err != nil {
				unknown = err.Error()
				continue
			}
			side.to.SetBinary(binary)
		}
	}
	c, err := sizediff.Compare(name, b, a)
	if err != nil {
		return nil, err
	}
	c.Unknown = unknown
	return c, nil
}
