//go:build !steps

package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/inspect/picture"
	"lambdas.internal/ci/tool/publish/reference"
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
	markdown  bool
	svg       string
	// unread says which regions could not be measured.
	unread error
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
					return errors.Join(f.unread, err)
				}
			}
			return errors.Join(f.unread, a.print(cmd, r, func(w io.Writer) error {
				if err := r.Print(w, f.markdown); err != nil || f.svg == "" || f.markdown {
					return err
				}
				_, err := fmt.Fprintln(w, "drew", f.svg)
				return err
			}))
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

// costPublished measures the images that the registries hold, in each region.
func (a *app) costPublished(cmd *cobra.Command, f *costFlags, prices cost.Prices) (r *cost.Report, err error) {
	c, err := a.catalog()
	if err != nil {
		return nil, err
	}
	regions, err := f.target.each(cmd)
	if err != nil {
		return nil, err
	}
	done := func(error) {}
	if len(regions) == 1 {
		done = report.NewProgress(cmd.ErrOrStderr()).Step("read the registries")
	}
	found, hosts := make([][]cost.Repository, len(regions)), make([]reference.Hosts, len(regions))
	errs := read(cmd, regions, func(ctx context.Context, n int) (err error) {
		found[n], hosts[n], err = regions[n].stored(ctx, c, n == 0)
		return err
	})
	f.unread = unread(errs, "what is known of the other regions is printed")
	done(f.unread)
	if err := cmd.Context().Err(); err != nil {
		return nil, err
	}
	if !slices.Contains(errs, nil) {
		return nil, errors.Join(errs...)
	}
	var all []cost.Repository
	var from, notRead []string
	images := 0
	for n, region := range regions {
		if errs[n] != nil {
			line, _, _ := strings.Cut(errs[n].Error(), "\n")
			notRead = append(notRead, line)
			continue
		}
		if slices.Contains(from, hosts[n].Private) {
			continue // one registry for all regions
		}
		for _, repository := range found[n] {
			images += len(repository.Images) + repository.Archived.Images
			if repository.Tier == catalog.Private {
				repository.Region = region.name
			}
			all = append(all, repository)
		}
		if from = append(from, hosts[n].Private); n == 0 {
			from = append(from, hosts[n].Public)
		}
	}
	source := strings.Join(from, " and ")
	if f.target.local {
		source = "dist/registry"
	}
	if images == 0 {
		return nil, errors.Join(f.unread, fmt.Errorf("measure %s: nothing is published there; publish first: bin/ci publish", source))
	}
	r = cost.New(all, prices)
	r.Source, r.NotRead = source, notRead
	return r, nil
}

// stored reads what the private repositories of a region hold, and with public the public ones too,
// which are the same for all regions.
func (f *fleetFlags) stored(ctx context.Context, c *catalog.Catalog, public bool) (found []cost.Repository, hosts reference.Hosts, err error) {
	functions := c.Functions
	if !public {
		functions = asPrivate(functions)
	}
	t, err := f.targetFlags.open(ctx, c, functions)
	if err != nil {
		return nil, hosts, err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	found, err = cost.ReadRegistries(ctx, t.registry, c.Functions, t.hosts)
	return found, t.hosts, err
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
