//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
)

// side is one of the two things that are compared.
type side struct {
	// name says what it is, for people.
	name string
	// images returns the images of those functions that have one, at least one.
	images func(context.Context, []catalog.Function) (map[string]*sizediff.Source, error)
}

// storedFlags say where published images are read from.
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
		return usageError{errors.New("--local goes with none of --private-registry, --public-registry, --region, --account and --public-alias")}
	}
	return f.target.check()
}

// sides opens the sides of a comparison, and what they need, once.
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

// newSides returns what opens sides for the command. It has to be closed.
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

// built is what is built from the work tree now.
func (s *sides) built(f *buildFlags) (*side, error) {
	m, err := s.app.images(s.cmd, f, "")
	if err != nil {
		return nil, err
	}
	return s.layout(m.dir, "built now"), nil
}

// layout is what an image layout holds.
func (s *sides) layout(dir, name string) *side {
	return &side{name: name, images: func(_ context.Context, functions []catalog.Function) (map[string]*sizediff.Source, error) {
		found := map[string]*sizediff.Source{}
		for _, f := range functions {
			i, err := sizediff.FromLayout(dir, f.Image, s.kept)
			switch {
			case errors.Is(err, sizediff.ErrNotFound):
				continue
			case err != nil:
				return nil, err
			}
			found[f.Image] = i
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("the image layout %s holds none of the images; build them with `ci build-all --out %s`", dir, dir)
		}
		return found, nil
	}}
}

// named is what the command line names.
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
		return nil, usageError{fmt.Errorf("%q is not an image layout (a folder with an index.json), not latest or live, and not a commit: %w", text, err)}
	}
	return s.published(fmt.Sprintf("%s (%s)", text, full[:7]), "", full)
}

func isLayout(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "index.json"))
	return err == nil
}

// published is what the registries hold under a tag, latest or live, or, where tag
// is empty, under a commit.
func (s *sides) published(name, tag, of string) (*side, error) {
	if err := s.open(); err != nil {
		return nil, err
	}
	return &side{name: name, images: func(ctx context.Context, functions []catalog.Function) (map[string]*sizediff.Source, error) {
		defer report.NewProgress(s.cmd.ErrOrStderr()).Step("look at the registries for " + name)()
		places := s.places(functions, tag)
		tags := map[string][]string{} // by repository
		for _, p := range places {
			if _, ok := tags[p.Repository]; ok {
				continue
			}
			listed, err := s.target.client.Tags(ctx, p.Repository)
			if err != nil {
				return nil, err
			}
			tags[p.Repository] = listed
		}
		images := make([]*sizediff.Source, len(places))
		g, gctx := errgroup.WithContext(ctx)
		g.SetLimit(publish.DefaultParallel)
		for n, p := range places {
			match, err := tagOf(tags[p.Repository], p.Image, tag, of)
			if err != nil {
				return nil, errors.Join(fmt.Errorf("compare %s: %w", p.Image, err), g.Wait())
			}
			if match == "" {
				continue
			}
			g.Go(func() (err error) {
				images[n], err = sizediff.FromRegistry(gctx, s.target.client, s.kept, p.Repository, match)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return nil, err
		}
		found := map[string]*sizediff.Source{}
		for n, p := range places {
			if images[n] != nil {
				found[p.Image] = images[n]
			}
		}
		if len(found) == 0 {
			return nil, fmt.Errorf("the registries hold no image of %s; %s", name, held(places, tags))
		}
		return found, nil
	}}, nil
}

// open finds the registries, unless that was done.
func (s *sides) open() (err error) {
	if s.target != nil {
		return nil
	}
	if s.flags.local {
		if _, err := os.Stat(localDir(s.root)); err != nil {
			return fmt.Errorf("nothing was published with `ci publish --local`: %w", err)
		}
		s.target, _, err = localTarget(s.root, 0)
		return err
	}
	s.target, err = s.flags.target.open(s.cmd.Context())
	return err
}

// places returns where each image is: at the registry that its function names, or,
// for what is live, where Lambda takes it from.
func (s *sides) places(functions []catalog.Function, tag string) []publish.Item {
	if "-"+tag == publish.LiveSuffix {
		return publish.PrivateItems(functions, s.target.hosts, "")
	}
	return slices.DeleteFunc(publish.Items(functions, s.target.hosts, ""), func(i publish.Item) bool { return i.DeployCopy })
}

// tagOf returns the tag that the image has: under the tag's name, or under the
// commit. A commit is found by fewer or more digits than it was published with.
func tagOf(tags []string, image, tag, of string) (string, error) {
	var matches []string
	for _, t := range tags {
		name, ok := strings.CutPrefix(t, image+"-")
		switch {
		case !ok:
		case tag != "" && name == tag, tag == "" && name == of:
			return t, nil
		case tag == "" && commit.Check(name) == nil && (strings.HasPrefix(of, name) || strings.HasPrefix(name, of)):
			matches = append(matches, t)
		}
	}
	switch len(matches) {
	case 0:
		return "", nil
	case 1:
		return matches[0], nil
	default:
		return "", fmt.Errorf("%s may be %s; name more digits", of, strings.Join(matches, " or "))
	}
}

// held tells of which commits the repositories hold images.
func held(places []publish.Item, tags map[string][]string) string {
	commits := map[string]bool{}
	for _, p := range places {
		for _, t := range tags[p.Repository] {
			if name, ok := strings.CutPrefix(t, p.Image+"-"); ok && commit.Check(name) == nil {
				commits[name] = true
			}
		}
	}
	all := slices.Sorted(maps.Keys(commits))
	switch more := len(all) - shownCommits; {
	case len(all) == 0:
		return "they hold none of any commit"
	case more > 0:
		return fmt.Sprintf("they hold those of %s and %d more", strings.Join(all[:shownCommits], ", "), more)
	default:
		return "they hold those of " + strings.Join(all, ", ")
	}
}

// shownCommits bounds how many commits a message names.
const shownCommits = 8
