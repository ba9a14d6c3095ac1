//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/audit"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
	"lambdas.internal/ci/tool/workspace/gobuild"
	"lambdas.internal/ci/tool/workspace/scaffold"
)

func newRename(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "rename NAME NEW",
		Short: "Give the image of a function another name",
		Long: `Give the image of a function another name.

image.json gets the new name. So does the folder, if it has the old one: then its module,
the imports of its packages, go.work, ci/pipeline.json and ci/public.json follow. The
function in AWS keeps its name. The output says what happens to the images that are
stored under the old one.`,
		Example: "  bin/ci rename thumb preview",
		Args:    names("the name of an image and the new one", 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, f, err := a.one(args[0])
			if err != nil {
				return err
			}
			m, err := scaffold.Rename(c, f, args[1])
			var refused scaffold.Refused
			if errors.As(err, &refused) {
				return usageError{fmt.Errorf("NEW: %s", refused[0].Fix)}
			}
			if err != nil {
				return err
			}
			return a.moved(cmd, c, m, fmt.Sprintf("images that are published as %[1]s stay under their tags, and %[3]s runs one of them until the next deploy; "+
				"next: bin/ci publish, bin/ci deploy, then bin/ci retention --removed %[1]s", f.Image, m.Image, strings.Join(f.Names(), ", ")))
		},
	}
}

func newRemove(a *app) *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Take a function out of the workspace",
		Long: `Take a function out of the workspace.

Its folder is deleted, and go.work, ci/pipeline.json and ci/public.json name it no more. It
is refused if another function imports a package of it, and if git does not hold all that
is deleted. Nothing in AWS is changed: the output says what is left there.`,
		Example: "  bin/ci remove thumb",
		Args:    names("the name of an image", 1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, f, err := a.one(args[0])
			if err != nil {
				return err
			}
			if err := inGit(cmd.Context(), c, force); err != nil {
				return err
			}
			if err := unused(cmd.Context(), c, f); err != nil {
				return err
			}
			m, err := scaffold.Remove(c, f)
			if err != nil {
				return err
			}
			return a.moved(cmd, c, m, fmt.Sprintf("in AWS nothing changed: delete %s with the tool that made it; the images of %s stay until bin/ci retention --removed %[2]s",
				strings.Join(f.Names(), ", "), f.Image))
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "delete although git does not hold everything")
	return cmd
}

// names demands so many names.
func names(what string, n int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return usageError{fmt.Errorf("pass %s; see `%s --help`", what, cmd.CommandPath())}
		}
		return nil
	}
}

// one returns the function with the image.
func (a *app) one(image string) (*catalog.Catalog, catalog.Function, error) {
	c, found, err := a.selected([]string{image})
	if err != nil {
		return nil, catalog.Function{}, err
	}
	return c, found[0], nil
}

// inGit fails unless git holds the work tree.
func inGit(ctx context.Context, c *catalog.Catalog, force bool) error {
	if force {
		return nil
	}
	s, err := commit.Checkout(ctx, c.Root)
	switch {
	case errors.Is(err, commit.ErrNoRepository):
		return errors.New("remove: there is no git repository that holds what would be deleted; to delete it anyway: pass --force")
	case err != nil:
		return err
	case s.Dirty:
		return errors.New("remove: git does not hold everything that would be deleted; commit first, or pass --force")
	}
	return nil
}

// unused fails if another function is built from a package in the folder of the function.
func unused(ctx context.Context, c *catalog.Catalog, f catalog.Function) error {
	others := c.Others(f)
	if len(others) == 0 {
		return nil
	}
	packages, err := gobuild.Packages(ctx, c, others, v1.Platform{OS: "linux"})
	if err != nil {
		return err
	}
	g := gobuild.NewGraph(c.Root, packages)
	for _, other := range others {
		order, from := g.Reach(other)
		for _, p := range order {
			if catalog.Within(g.Folder(p), f.Folder) {
				return fmt.Errorf("remove %s: %s imports %s (from %s); move that package first", f.Folder, other.Image, p.ImportPath, from[p.ImportPath])
			}
		}
	}
	return nil
}

// moved finishes a rename or a removal, and prints it.
func (a *app) moved(cmd *cobra.Command, c *catalog.Catalog, m *scaffold.Moved, next string) error {
	if m.Folder != m.Function.Folder {
		changed, err := audit.MoveExceptions(c.Root, m.Function.Folder, m.Folder)
		if err != nil {
			return err
		}
		if changed {
			m.Files = append(m.Files, audit.ExceptionsFile)
		}
	}
	return a.print(cmd, m, func(w io.Writer) error {
		what := "removed " + m.Function.Folder
		switch {
		case m.Folder == m.Function.Folder:
			what = fmt.Sprintf("%s is %s now", m.Function.Image, m.Image)
		case m.Folder != "":
			what = fmt.Sprintf("%s is %s now, in %s", m.Function.Image, m.Image, m.Folder)
		}
		if len(m.Files) > 0 {
			what += fmt.Sprintf("; changed %s: %s", report.Count(len(m.Files), "file"), strings.Join(m.Files, ", "))
		}
		_, err := fmt.Fprintf(w, "%s\n%s\n", what, next)
		return err
	})
}
