//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
)

// side is one of the two sides of a comparison.
type side struct {
	// name is shown in the report.
	name string
	// images returns the images of the functions. A function may have none, but not all.
	images func(context.Context, []catalog.Function) (map[string]*sizediff.Source, error)
}

// storedFlags name the registries that published images are read from.
type storedFlags struct {
	target targetFlags
	local  bool
}

func (f *storedFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.local, "local", false, "read what publish --local published")
	f.target.add(cmd)
}

func (f *storedFlags) check() error {
	if f.local && (f.target != targetFlags{}) {
		return usageError{errors.New("--local cannot be combined with --private-registry, --public-registry, --region, --account and --public-alias")}
	}
	return f.target.check()
}

// sides opens the sides of a comparison. Both share one target.
type sides struct {
	app    *app
	cmd    *cobra.Command
	flags  *storedFlags
	root   string
	kept   *cache.Cache
	target *target
}

func (s *sides) close() error {
	if s.target == nil {
		return nil
	}
	return s.target.close()
}

// newSides returns the sides for the command. The caller closes it.
func (a *app) newSides(cmd *cobra.Command, f *storedFlags) (*sides, *catalog.Catalog, error) {
	c, err := a.catalog()
	if err != nil {
		return nil, nil, err
	}
	kept, err := a.cache()
	if err != nil {
		return nil, nil, err
	}
	return &sides{app: a, cmd: cmd, flags: f, root: c.Root, kept: kept}, c, nil
}

// built builds the images from the work tree.
func (s *sides) built(f *buildFlags) (*side, error) {
	m, err := s.app.images(s.cmd, f, "")
	if err != nil {
		return nil, err
	}
	return s.layout(m.dir, "built now"), nil
}

// layout reads the images from an image layout.
func (s *sides) layout(dir, name string) *side {
	return &side{name: name, images: func(_ context.Context, functions []catalog.Function) (map[string]*sizediff.Source, error) {
		return sizediff.AllFromLayout(dir, functions, s.kept)
	}}
}

// named returns the side that an argument of the command line names.
func (s *sides) named(text string) (*side, error) {
	suffix := "-" + text
	switch {
	case suffix == publish.LatestSuffix, suffix == publish.LiveSuffix:
		return s.published(text, text, "")
	case commit.Check(text) == nil:
		return s.published(text, "", text)
	case isLayout(text):
		return s.layout(text, text), nil
	}
	full, err := commit.Resolve(s.cmd.Context(), s.root, text)
	if err != nil {
		return nil, usageError{fmt.Errorf("%q is not an image layout (a folder with an index.json), latest, live or a commit: %w", text, err)}
	}
	return s.published(fmt.Sprintf("%s (%s)", text, full[:7]), "", full)
}

func isLayout(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "index.json"))
	return err == nil
}

// published reads the images from the registries: by tag (latest or live), or by commit
// if tag is empty.
func (s *sides) published(name, tag, of string) (*side, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	return &side{name: name, images: func(ctx context.Context, functions []catalog.Function) (found map[string]*sizediff.Source, err error) {
		done := report.NewProgress(s.cmd.ErrOrStderr()).Step("read the images of " + name)
		defer func() { done(err) }()
		return sizediff.AllFromRegistry(ctx, s.target.client, s.kept, s.places(functions, tag), name, tag, of)
	}}, nil
}

// open opens the registries, once.
func (s *sides) open() (err error) {
	if s.target != nil {
		return nil
	}
	if s.flags.local {
		if _, err := os.Stat(localDir(s.root)); err != nil {
			return fmt.Errorf("dist/registry holds nothing: publish first: bin/ci publish --local (%w)", err)
		}
		s.target, _, err = localTarget(s.root, 0)
		return err
	}
	s.target, err = s.flags.target.open(s.cmd.Context())
	return err
}

// places returns where each image is stored: the registry that its function names, or for
// live images the private one, because Lambda runs images from there.
func (s *sides) places(functions []catalog.Function, tag string) []publish.Item {
	if "-"+tag == publish.LiveSuffix {
		return publish.PrivateItems(functions, s.target.hosts, "")
	}
	return slices.DeleteFunc(publish.Items(functions, s.target.hosts, ""), func(i publish.Item) bool { return i.DeployCopy })
}
