//go:build !steps

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/inspect/sizediff"
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
the versions that changed.

FROM and TO are each one of

  latest, live       the images that these tags name in the registries
  a commit           the images published under it: abc1234, main, HEAD~1
  a folder           the images of an OCI image layout, as build-all writes it

Without TO, the images are built from the work tree. Each image is read from the
registry that its function names; live images are read from the private one. Only the
layer with the binary is read, and only if it changed.

The size of a Go package comes from the function table of the binary, which a binary
without symbols has too; versions come from the build information in the binary. Exit
code 0 means that the images were compared; to check their size, run bin/ci audit.`,
		Example: `  bin/ci diff dist                      # compare the last build with the work tree
  bin/ci diff latest
  bin/ci diff latest --markdown >> "$GITHUB_STEP_SUMMARY"
  bin/ci diff abc1234 def5678 --json
  bin/ci diff main --local

  # Without a registry: compare with the merge base, built in a second work tree.
  git worktree add ../base $(git merge-base HEAD origin/main)
  bin/ci build-all -C ../base && bin/ci diff ../base/dist`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > 2 {
				return usageError{fmt.Errorf("diff needs one or two arguments, FROM [TO]; see `%s --help`", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return a.diff(cmd, &f, args) },
	}
	flags := cmd.Flags()
	flags.BoolVar(&f.markdown, "markdown", false, "print the result as Markdown, for a job summary")
	flags.IntVar(&f.top, "top", 10, "how many packages to show for each image, the largest changes first; JSON has all")
	f.stored.add(cmd)
	f.build.addAll(cmd)
	return cmd
}

func (f *diffFlags) check(a *app) error {
	switch {
	case f.markdown && a.json:
		return usageError{errors.New("--markdown and --json cannot be combined")}
	case f.top < 0:
		return usageError{fmt.Errorf("--top: %d is not a number of packages; pass 0 or more", f.top)}
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
		return err
	}
	defer func() { err = errors.Join(err, sides.close()) }()
	from, err := sides.named(args[0])
	if err != nil {
		return err
	}
	// FROM is read before the build, because the build may replace it.
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
	changes, err := sizediff.CompareAll(cmd.Context(), functions, before, after)
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
