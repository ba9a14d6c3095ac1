//go:build !steps

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/inspect/picture"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// costFlags are the flags of cost.
type costFlags struct {
	build     buildFlags
	target    targetFlags
	from      string
	versions  int
	published bool
	local     bool
	markdown  bool
	svg       string
}

func newCost(a *app) *cobra.Command {
	var f costFlags
	cmd := &cobra.Command{
		Use:   "cost",
		Short: "Measure what the images take in the registries, and what that costs",
		Long: fmt.Sprintf(`Measure what the images take in the registries, and what that costs.

The sizes are those of the manifests: compressed, as ECR bills them. A repository
stores a layer once, however many images have it.

Without further flags the images are built, or taken with --from, and the report
says what the registries hold once the last %[1]d versions of each are kept, when
only the binary changes from one to the next. With --published, or --local for what
publish --local has put into dist/registry, it says what is there now: every image
that a tag names, at ECR also those without a tag.

A second table compares with other ways to store the same images. The prices are
those that the report names, with their date; the free tier that new accounts have
for a year is left out. MB is 10^6 bytes; the GB of the bill is 2^30.`, retention.Keep),
		Example: `  ci cost
  ci cost --from dist --svg docs/images/layers.svg
  ci cost --published --region eu-central-1 --markdown
  ci publish --local && ci cost --local --json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(cmd); err != nil {
				return err
			}
			r, err := a.cost(cmd, &f)
			if err != nil {
				return err
			}
			if f.svg != "" {
				if err := f.draw(cmd, r); err != nil || f.svg == "-" {
					return err
				}
			}
			return a.print(cmd, r, func(w io.Writer) error {
				if err := r.Print(w, f.markdown); err != nil || f.svg == "" || f.markdown {
					return err
				}
				_, err := fmt.Fprintln(w, "drew", f.svg)
				return err
			})
		},
	}
	flags := cmd.Flags()
	flags.IntVar(&f.versions, "versions", retention.Keep, "how many versions of each image to reckon with")
	flags.BoolVar(&f.published, "published", false, "measure what the registries hold")
	flags.BoolVar(&f.local, "local", false, "measure what publish --local has published")
	flags.BoolVar(&f.markdown, "markdown", false, "print Markdown")
	flags.StringVar(&f.svg, "svg", "", "file to draw the layers to, as an SVG picture (- for standard output, in place of the tables)")
	f.target.add(cmd)
	f.build.addAll(cmd)
	addFrom(cmd, &f.from)
	return cmd
}

// buildOnly are the flags of cost that say what is built, and so do not go with
// what is published.
var buildOnly = []string{"from", "versions", "only", "platform", "base", "ffmpeg", "offline"}

func (f *costFlags) check(cmd *cobra.Command) error {
	how := "--published"
	if f.local {
		how = "--local"
	}
	switch {
	case f.published && f.local:
		return usageError{errors.New("--published and --local: name one, AWS's registries or that in dist/registry")}
	case !f.published && f.target != targetFlags{}:
		return usageError{errors.New("--private-registry, --public-registry, --region, --account and --public-alias need --published")}
	case f.versions < 1:
		return usageError{fmt.Errorf("--versions: %d is not a number of versions; name 1 or more", f.versions)}
	case f.markdown && cmd.Flags().Changed("json"):
		return usageError{errors.New("--markdown and --json: name one")}
	}
	for _, name := range buildOnly {
		if (f.published || f.local) && cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s says what is to be published, and does not go with %s", name, how)}
		}
	}
	return f.target.check()
}

// cost measures what the flags say.
func (a *app) cost(cmd *cobra.Command, f *costFlags) (*cost.Report, error) {
	prices, err := cost.ReadPrices()
	if err != nil {
		return nil, err
	}
	if f.published || f.local {
		return a.costPublished(cmd, f, prices)
	}
	m, err := a.images(cmd, &f.build, f.from)
	if err != nil {
		return nil, err
	}
	r, err := costOf(m.dir, m.functions, m.builder.Cache, f.versions, prices)
	if err != nil {
		return nil, err
	}
	if below, err := filepath.Rel(m.builder.Catalog.Root, m.dir); err == nil && filepath.IsLocal(below) {
		r.Source = filepath.ToSlash(below) // the report is the same wherever the workspace is
	}
	return r, nil
}

// costOf says what it will cost to keep versions of the images of a layout.
func costOf(dir string, functions []catalog.Function, kept *cache.Cache, versions int, prices cost.Prices) (*cost.Report, error) {
	read, err := publish.ReadImages(dir, functions, kept)
	if err != nil {
		return nil, err
	}
	images, variants := map[string]cost.Image{}, map[string]catalog.Variant{}
	var offline []string
	for _, f := range functions {
		i := read[f.Image]
		var m v1.Manifest
		if err := json.Unmarshal(i.Manifest, &m); err != nil {
			return nil, fmt.Errorf("read image %s of %s: the manifest: %w", f.Image, dir, err)
		}
		if images[f.Image], err = cost.ReadManifest(f.Image, f.Variant, i.Digest.String(), &m); err != nil {
			return nil, fmt.Errorf("measure %s: %w", dir, err)
		}
		variants[f.Image] = f.Variant
		if image.Pin(i.Labels[image.LabelPin]) == image.Offline {
			offline = append(offline, f.Image)
		}
	}
	r := cost.New(cost.Model(publish.Items(functions, publish.Hosts{}, ""), images, variants, versions), prices)
	r.Source, r.Versions, r.Offline = dir, versions, offline
	return r, nil
}

// costPublished says what it costs to keep what the registries hold.
func (a *app) costPublished(cmd *cobra.Command, f *costFlags, prices cost.Prices) (r *cost.Report, err error) {
	c, err := a.catalog()
	if err != nil {
		return nil, err
	}
	t, err := f.open(cmd.Context(), c.Root)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	defer report.NewProgress(cmd.ErrOrStderr()).Step("read the registries")()
	repositories, err := cost.ReadRegistries(cmd.Context(), t.registry, c.Functions, t.hosts)
	if err != nil {
		return nil, err
	}
	images := 0
	for _, repository := range repositories {
		images += len(repository.Images)
	}
	from := t.hosts.Private + " and " + t.hosts.Public
	if f.local {
		from = "dist/registry"
	}
	if images == 0 {
		return nil, fmt.Errorf("measure %s: nothing is published there", from)
	}
	r = cost.New(repositories, prices)
	r.Source = from
	return r, nil
}

// open finds the registries that are to be measured.
func (f *costFlags) open(ctx context.Context, root string) (*target, error) {
	if !f.local {
		return f.target.open(ctx)
	}
	if _, err := os.Stat(localDir(root)); errors.Is(err, os.ErrNotExist) {
		return nil, errors.New("measure dist/registry: nothing is published there; publish with `ci publish --local`")
	}
	t, _, err := localTarget(root, 0)
	return t, err
}

// draw writes the picture to where the flags say.
func (f *costFlags) draw(cmd *cobra.Command, r *cost.Report) error {
	drawn, err := picture.Layers(r)
	if err != nil {
		return err
	}
	if f.svg == "-" {
		_, err := bytes.NewReader(drawn).WriteTo(cmd.OutOrStdout())
		return err
	}
	if err := cache.WriteFile(f.svg, drawn); err != nil {
		return fmt.Errorf("draw %s: %w", f.svg, err)
	}
	return nil
}
