//go:build !steps

package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/inspect/coldstart"
	"lambdas.internal/ci/tool/inspect/sizediff"
)

// diffFlags are the flags of diff.
type diffFlags struct {
	build    buildFlags
	target   targetFlags
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
registry that its function names; live images are read from the private one. If several
accounts or regions run them, name one: 123456789012-eu-central-1-live. Only layers that
changed are read.

New blocks are those of 512 KiB that no image of FROM has: Lambda loads images in such
blocks, and has these in none of its caches. bin/ci coldstart says which are read.

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
	f.target.addLocal(cmd, "read what publish --local published")
	f.target.add(cmd)
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
	return f.target.check()
}

func (a *app) diff(cmd *cobra.Command, f *diffFlags, args []string) (err error) {
	if err := f.check(a); err != nil {
		return err
	}
	c, functions, err := a.selected(f.build.only)
	if err != nil {
		return err
	}
	kept, err := a.cache()
	if err != nil {
		return err
	}
	sides := &sides{cmd: cmd, flags: &f.target, catalog: c, kept: kept, functions: f.build.asked(cmd, functions)}
	defer func() { err = errors.Join(err, sides.close()) }()
	// FROM is read before anything is built: the build may replace it.
	from, err := sides.read(cmd.Context(), args[0])
	if err != nil {
		return err
	}
	var to sizediff.Side
	if len(args) == 2 {
		to, err = sides.read(cmd.Context(), args[1])
	} else {
		var m *made
		if m, err = a.images(cmd, &f.build, ""); err == nil {
			to, err = sides.layout(m.dir, "built now")
		}
	}
	if err != nil {
		return err
	}
	r, err := sizediff.CompareAll(cmd.Context(), functions, from, to)
	if err != nil {
		return err
	}
	var contents coldstart.Reader
	blocks, err := contents.New(cmd.Context(), from.Images, to.Images)
	if err != nil {
		return err
	}
	r.SetNewBlocks(blocks)
	return a.print(cmd, r, func(w io.Writer) error {
		if f.markdown {
			return r.Markdown(w, f.top)
		}
		return r.Table(w, f.top)
	})
}
