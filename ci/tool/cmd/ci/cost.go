//go:build !steps

package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/inspect/picture"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/report"
)

// costFlags are the flags of cost.
type costFlags struct {
	build     buildFlags
	target    targetFlags
	from      string
	versions  int
	published bool
	markdown  bool
	svg       string
}

func newCost(a *app) *cobra.Command {
	var f costFlags
	cmd := &cobra.Command{
		Use:   "cost",
		Short: "Measure how much the images store in the registries, and what that costs",
		Long: fmt.Sprintf(`Measure how much the images store in the registries, and what that costs.

Sizes come from the manifests: compressed, as ECR bills them. A repository stores a
layer once, however many images share it.

By default the images are built (or read with --from), and the report says what the
registries will store when they keep the last %[1]d versions of each image and only the
binary differs between versions. With --published the report says what the registries
store now: all images with a tag and, at ECR, those without; those in ECR's archive in a
line of their own, at its price. --local does the same for
dist/registry, where publish --local publishes.

A second table compares other ways to store the same images. The report names its
prices with their date; the free tier of an account's first year is not counted. MB is
10^6 bytes; the GB of the bill is 2^30.`, retention.Keep),
		Example: `  bin/ci cost
  bin/ci cost --from dist --svg docs/images/layers.svg
  bin/ci cost --published --region eu-central-1 --markdown
  bin/ci publish --local && bin/ci cost --local --json`,
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
	flags.IntVar(&f.versions, "versions", 0, "how many versions of each image to count (default: as many as retention keeps)")
	flags.BoolVar(&f.published, "published", false, "measure what the registries store now")
	f.target.addLocal(cmd, "measure what publish --local published")
	flags.BoolVar(&f.markdown, "markdown", false, "print Markdown")
	flags.StringVar(&f.svg, "svg", "", "file for an SVG picture of the layers (- for standard output, instead of the tables)")
	f.target.add(cmd)
	f.build.addAll(cmd)
	addFrom(cmd, &f.from)
	return cmd
}

// buildOnly are the flags of cost that say what to build; they cannot be combined with
// --published and --local.
var buildOnly = []string{"from", "versions", "only", "platform", "base", "ffmpeg", "offline", "mirror"}

func (f *costFlags) check(cmd *cobra.Command) error {
	how := "--published"
	if f.target.local {
		how = "--local"
	}
	switch {
	case f.published && f.target.local:
		return usageError{errors.New("--published and --local cannot be combined: choose the registries in AWS or the one in dist/registry")}
	case !f.published && !f.target.local && f.target.given():
		return usageError{errors.New("--private-registry, --public-registry, --region, --account and --public-alias need --published")}
	case f.versions < 1 && cmd.Flags().Changed("versions"):
		return usageError{fmt.Errorf("--versions: %d is not a number of versions; pass 1 or more", f.versions)}
	case f.markdown && cmd.Flags().Changed("json"):
		return usageError{errors.New("--markdown and --json cannot be combined")}
	}
	if f.published || f.target.local {
		if err := refuse(cmd, how, "what to build", buildOnly...); err != nil {
			return err
		}
	}
	return f.target.check()
}

// cost measures the images that the flags select.
func (a *app) cost(cmd *cobra.Command, f *costFlags) (*cost.Report, error) {
	prices, err := cost.ReadPrices()
	if err != nil {
		return nil, err
	}
	if f.published || f.target.local {
		return a.costPublished(cmd, f, prices)
	}
	m, err := a.images(cmd, &f.build, f.from)
	if err != nil {
		return nil, err
	}
	r, err := cost.OfLayout(m.dir, m.functions, m.builder.Cache, cmp.Or(f.versions, m.builder.Catalog.Pipeline.Keep), m.builder.Catalog.Pipeline.Repositories, prices)
	if err != nil {
		return nil, err
	}
	if below, err := filepath.Rel(m.builder.Catalog.Root, m.dir); err == nil && filepath.IsLocal(below) {
		r.Source = filepath.ToSlash(below) // the report does not depend on where the workspace is
	}
	return r, nil
}

// costPublished measures the images that the registries hold.
func (a *app) costPublished(cmd *cobra.Command, f *costFlags, prices cost.Prices) (r *cost.Report, err error) {
	c, err := a.catalog()
	if err != nil {
		return nil, err
	}
	t, err := f.target.openAll(cmd.Context(), c, c.Functions)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	done := report.NewProgress(cmd.ErrOrStderr()).Step("read the registries")
	repositories, err := cost.ReadRegistries(cmd.Context(), t.registry, c.Functions, t.hosts)
	done(err)
	if err != nil {
		return nil, err
	}
	images := 0
	for _, repository := range repositories {
		images += len(repository.Images)
	}
	from := t.hosts.Private + " and " + t.hosts.Public
	if f.target.local {
		from = "dist/registry"
	}
	if images == 0 {
		return nil, fmt.Errorf("measure %s: nothing is published there; publish first: bin/ci publish", from)
	}
	r = cost.New(repositories, prices)
	r.Source = from
	return r, nil
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
