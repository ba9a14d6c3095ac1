//go:build !steps

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
)

// sides reads the two sides of a comparison. The registries are opened when a side
// is first read from them.
type sides struct {
	cmd       *cobra.Command
	flags     *targetFlags
	catalog   *catalog.Catalog
	kept      *cache.Cache
	functions []catalog.Function
	target    *target
}

func (s *sides) close() error {
	if s.target == nil {
		return nil
	}
	return s.target.close()
}

// read reads the side that the command line names.
func (s *sides) read(ctx context.Context, text string) (side sizediff.Side, err error) {
	tag, of := "", ""
	switch suffix := "-" + text; {
	case text == latest, isLive(suffix):
		tag = text
	case commit.Check(text) == nil:
		of = text
	case isLayout(text):
		return s.layout(text, text)
	default:
		if of, err = commit.Resolve(ctx, s.catalog.Root, text); err != nil {
			return side, usageError{fmt.Errorf("%q is not an image layout (a folder with an index.json), latest, live or a commit: %w", text, err)}
		}
		text = fmt.Sprintf("%s (%s)", text, of[:7])
	}
	side.Name = text
	side.Images, err = s.published(ctx, text, tag, of)
	return side, err
}

// latest names the images that were published last.
const latest = "latest"

// isLive tells whether the end of a tag is that of a live tag, with or without a side.
func isLive(end string) bool {
	before, ok := strings.CutSuffix(end, reference.LiveSuffix)
	rest, _ := reference.CutSide(before)
	return ok && rest == ""
}

// live returns the end of the live tags to read: that of the only side that has some, if none
// is named.
func (s *sides) live(ctx context.Context, places []reference.Item, tag string) (string, error) {
	if "-"+tag != reference.LiveSuffix {
		return tag, nil
	}
	ends := map[string]bool{}
	for _, p := range places {
		tags, err := s.target.client.Tags(ctx, p.Repository)
		if err != nil {
			return "", err
		}
		for _, t := range tags {
			before, ok := strings.CutSuffix(t, reference.LiveSuffix)
			if rest, side := reference.CutSide(before); ok && rest == p.Image && side != (reference.Side{}) {
				ends[strings.TrimPrefix(reference.LiveTag("", side), "-")] = true
			}
		}
	}
	switch all := slices.Sorted(maps.Keys(ends)); len(all) {
	case 0:
		return tag, nil
	case 1:
		return all[0], nil
	default:
		return "", usageError{fmt.Errorf("live: several accounts or regions run these images; name one: %s", strings.Join(all, ", "))}
	}
}

// layout reads an image layout.
func (s *sides) layout(dir, name string) (sizediff.Side, error) {
	images, err := sizediff.AllFromLayout(dir, s.functions, s.kept)
	return sizediff.Side{Name: name, Images: images}, err
}

func isLayout(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "index.json"))
	return err == nil
}

// published reads from the registries what has the tag, latest or live, or, where tag
// is empty, was published under the commit.
func (s *sides) published(ctx context.Context, name, tag, of string) (images map[string]*sizediff.Source, err error) {
	if s.target == nil {
		if s.target, err = s.flags.open(ctx, s.catalog, s.functions); err != nil {
			return nil, err
		}
	}
	// Each image is read from the registry that its function names; what is live from
	// the private one, as Lambda does.
	places := reference.PrivateItems(s.functions, s.target.hosts, "")
	var tagged func(reference.Item) string
	if isLive("-" + tag) {
		if tag, err = s.live(ctx, places, tag); err != nil {
			return nil, err
		}
		tagged = func(i reference.Item) string { return i.Image + "-" + tag }
	} else {
		if tag == latest {
			tagged = func(i reference.Item) string { return i.LatestTag }
		}
		places = slices.DeleteFunc(reference.Items(s.functions, s.target.hosts, ""), func(i reference.Item) bool { return i.DeployCopy })
	}
	done := report.NewProgress(s.cmd.ErrOrStderr()).Step("read the images of " + name)
	defer func() { done(err) }()
	return sizediff.AllFromRegistry(ctx, s.target.client, s.kept, places, name, tagged, of)
}
