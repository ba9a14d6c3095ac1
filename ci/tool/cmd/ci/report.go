//go:build !steps

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/inspect/page"
	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/change"
	"lambdas.internal/ci/tool/workspace/commit"
)

// reportFlags are the flags of report.
type reportFlags struct {
	published       publishedFlags
	since           string
	out             string
	vulnerabilities string
	verification    string
}

func newReport(a *app) *cobra.Command {
	var f reportFlags
	cmd := &cobra.Command{
		Use:   "report",
		Short: "Write a page about a release: images, what changed and why, who deployed it",
		Long: `Write a page about a release: images, what changed and why, who deployed it.

The page is one HTML file that needs no network and no script. It shows the images that were
published under the commit, with their layers to scale; what changed since an earlier commit
and, if the commit is checked out, which files are the reason; their packages, from the SBOMs;
what they cost to store; and the releases of the commit, from the release records.

The earlier commit is the one that was deployed before it, or else the last one before it that
is published; or pass --since. What was checked by other commands is read from their results:
--vulnerabilities takes that of bin/ci vulncheck --json, --verification that of
bin/ci verify --json. Without them, the page says "not checked". What could not be found out
is at the end of the page.

The page is for the team: it names who deployed, and the private registries.`,
		Example: `  bin/ci report --commit abc1234 -o report.html
  bin/ci publish --local && bin/ci report --local --commit $(git rev-parse --short=7 HEAD)
  bin/ci verify --commit abc1234 --json > verified.json
  bin/ci vulncheck --json > vulnerable.json
  bin/ci report --commit abc1234 --verification verified.json --vulnerabilities vulnerable.json`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			p, err := a.report(cmd, &f)
			if err != nil {
				return err
			}
			var content bytes.Buffer
			if err := p.Write(&content); err != nil {
				return err
			}
			if err := os.WriteFile(f.out, content.Bytes(), 0o644); err != nil {
				return fmt.Errorf("write the page: %w", err)
			}
			return a.print(cmd, p, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "wrote %s: %s of commit %s, %d bytes\n", f.out, report.Count(len(p.Images), "image"), p.Commit, content.Len())
				return err
			})
		},
	}
	f.published.add(cmd, "commit that the images were published under")
	if err := cmd.MarkFlagRequired("commit"); err != nil {
		panic(err) // the flag was added a line above
	}
	flags := cmd.Flags()
	flags.StringVar(&f.since, "since", "", "published commit to compare with (default: the one before it)")
	flags.StringVarP(&f.out, "out", "o", "report.html", "file to write")
	flags.StringVar(&f.vulnerabilities, "vulnerabilities", "", "file with the result of bin/ci vulncheck --json")
	flags.StringVar(&f.verification, "verification", "", "file with the result of bin/ci verify --json")
	return cmd
}

func (f *reportFlags) check() error {
	return errors.Join(f.published.check(), checkCommit("since", f.since))
}

// reader finds out what a page tells.
type reader struct {
	cmd       *cobra.Command
	catalog   *catalog.Catalog
	functions []catalog.Function
	sides     *sides
	page      *page.Page
	now       sizediff.Side
	// vulnerable has what is known of each image.
	vulnerable map[string][]page.Vulnerability
}

// unknown notes what could not be found out.
func (r *reader) unknown(what string, err error) {
	r.page.Unknown = append(r.page.Unknown, what+": "+report.Line(err.Error()))
}

func (a *app) report(cmd *cobra.Command, f *reportFlags) (p *page.Page, err error) {
	if err := f.check(); err != nil {
		return nil, err
	}
	c, err := a.catalog()
	if err != nil {
		return nil, err
	}
	kept, err := a.cache()
	if err != nil {
		return nil, err
	}
	ctx, name := cmd.Context(), f.published.commit
	r := &reader{cmd: cmd, catalog: c, functions: c.Functions,
		page:  &page.Page{Workspace: workspaceName(ctx, c.Root), Commit: name, Made: time.Now()},
		sides: &sides{cmd: cmd, flags: &f.published.target, catalog: c, kept: kept, functions: c.Functions}}
	defer func() { err = errors.Join(err, r.sides.close()) }()
	if err := errors.Join(r.addVulnerable(f.vulnerabilities), r.addVerified(f.verification)); err != nil {
		return nil, err
	}
	if r.now, err = r.sides.read(ctx, name); err != nil {
		return nil, err
	}
	if err := r.addImages(ctx, r.before(ctx, f.since)); err != nil {
		return nil, err
	}
	r.addReasons(ctx)
	r.addDocuments(ctx)
	r.addCost()
	return r.page, ctx.Err()
}

// workspaceName is that of the repository, or of the folder.
func workspaceName(ctx context.Context, root string) string {
	if at, err := commit.Checkout(ctx, root); err == nil && at.Remote != "" {
		return strings.TrimSuffix(filepath.Base(at.Remote), ".git")
	}
	if full, err := filepath.Abs(root); err == nil {
		root = full
	}
	return filepath.Base(root)
}

// before reads the release records, and the images of the commit to compare with. There may be
// none.
func (r *reader) before(ctx context.Context, since string) (side sizediff.Side) {
	hosts := r.sides.target.hosts
	all, err := history.NewStore(r.sides.target.client, reference.PrivateRepositories(r.functions, hosts), reference.Side{}).All(ctx)
	if err != nil {
		r.unknown("who deployed it", err)
	}
	r.addReleases(all)
	if since == "" {
		since = deployedBefore(all, r.page.Commit)
	}
	if since == "" {
		if since, err = r.publishedBefore(ctx); err != nil {
			r.unknown("which commit was published before it; pass --since", err)
		}
	}
	if since == "" {
		return side
	}
	if side, err = r.sides.read(ctx, since); err != nil {
		r.unknown("what changed since "+since, err)
		return sizediff.Side{}
	}
	r.page.Since = since
	return side
}

// deployedBefore is the commit of the last release before the first one of the commit.
func deployedBefore(all history.Releases, name string) (before string) {
	all = slices.SortedFunc(slices.Values(all), func(a, b history.Release) int { return a.Time.Compare(b.Time) })
	for _, release := range all {
		if release.Commit == name {
			return before
		}
		before = release.Commit
	}
	return ""
}

// publishedBefore is the last published commit in the history of this one.
func (r *reader) publishedBefore(ctx context.Context) (last string, err error) {
	item := reference.PrivateItems(r.functions[:1], r.sides.target.hosts, "")[0]
	tags, err := r.sides.target.client.Tags(ctx, item.Repository)
	if err != nil {
		return "", err
	}
	var when time.Time
	for _, tag := range tags {
		name, other, ok := r.catalog.Pipeline.Tags.Read(tag)
		if !ok || name != item.Image {
			continue
		}
		order, _, err := commit.Compare(ctx, r.catalog.Root, r.page.Commit, other)
		if err != nil {
			return "", err
		}
		if order != commit.After {
			continue
		}
		at, err := commit.Committed(ctx, r.catalog.Root, other)
		if err != nil {
			return "", err
		}
		if last == "" || at.After(when) {
			last, when = other, at
		}
	}
	return last, nil
}

// addReasons adds which files and versions are the reason for a change. They are read from what is
// checked out.
func (r *reader) addReasons(ctx context.Context) {
	if r.page.Since == "" {
		return
	}
	const what = "which files are the reason for a change"
	at, err := commit.Checkout(ctx, r.catalog.Root)
	if err != nil {
		r.unknown(what, err)
		return
	}
	if !strings.HasPrefix(at.Commit, r.page.Commit) || at.Dirty {
		r.unknown(what, fmt.Errorf("commit %s is not what is checked out, without changes; git checkout %s", r.page.Commit, r.page.Commit))
		return
	}
	b, err := change.ReadWorkTree(ctx, r.catalog, r.functions, r.platform())
	if err != nil {
		r.unknown(what, err)
		return
	}
	s, err := b.Since(ctx, r.page.Since)
	if err != nil {
		r.unknown(what, err)
		return
	}
	for n := range r.page.Images {
		i := &r.page.Images[n]
		if at := slices.IndexFunc(r.functions, func(f catalog.Function) bool { return f.Image == i.Name }); at >= 0 && i.Changed() {
			i.Sources = s.Of(r.functions[at]).Files
		}
	}
}
