//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/documents"
	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/plan"
	"lambdas.internal/ci/tool/inspect/coldstart"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report/regionerr"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/change"
	"lambdas.internal/ci/tool/workspace/commit"
)

// planFlags are the flags of plan.
type planFlags struct {
	build      buildFlags
	target     targetFlags
	from       string
	commit     string
	since      string
	allowDirty bool
	markdown   bool
}

func newPlan(a *app) *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what publish and deploy would do for each function, and why",
		Long: `Say what publish and deploy would do for each function, and why.

The images are built and judged, and nothing is sent. The sources, embedded files, modules,
toolchain and base of each function are compared with the commit that it runs. What
could not be read, for instance AWS without credentials, is listed as unknown; pass
--since COMMIT to compare with that commit. With several regions, each has its own rows; if
only some can be read, the exit code is 1. --markdown is for a comment or the summary of a job.

It also says if deploy would refuse an image, because it is for another platform than its
function, and if a rollback would have to wait, because what runs now is in ECR's archive.`,
		Example: "  bin/ci plan\n  bin/ci plan --commit abc1234 --json\n  bin/ci plan --since HEAD~1 --offline --markdown",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.plan(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.commit, "commit", "", "what is checked out, as tags are to name it: 7 to 40 hexadecimal digits (default: HEAD, short)")
	flags.StringVar(&f.since, "since", "", "commit to compare the sources with (default: the one that the function runs)")
	flags.BoolVar(&f.allowDirty, "allow-dirty", false, "plan with uncommitted changes")
	flags.BoolVar(&f.markdown, "markdown", false, "print Markdown")
	f.target.add(cmd)
	f.build.addAll(cmd)
	addFrom(cmd, &f.from)
	return cmd
}

func (a *app) plan(cmd *cobra.Command, f *planFlags) error {
	if f.markdown && a.json {
		return usageError{errors.New("--markdown and --json cannot be combined")}
	}
	if err := f.target.check(); err != nil {
		return err
	}
	if err := checkCommit("commit", f.commit); err != nil {
		return err
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	name, err := commit.Choose(cmd.Context(), c.Root, f.commit, f.allowDirty)
	if err != nil {
		return err
	}
	if f.since != "" {
		if _, err := commit.Resolve(cmd.Context(), c.Root, f.since); err != nil {
			return usageError{fmt.Errorf("--since: %w", err)}
		}
	}
	m, err := a.images(cmd, &f.build, f.from)
	if err != nil {
		return err
	}
	images, err := publish.ReadImages(m.dir, m.functions, m.builder.Cache)
	if err != nil {
		return err
	}
	regions, refused := f.target.each(cmd)
	var names []string
	if len(f.target.region) > 1 {
		names = f.target.region
	}
	p := plan.New(name, catalog.Running(m.functions), images, names...)
	if gates, _, err := a.audit(cmd, m, false); err != nil {
		p.Unseen(err, "the gates")
	} else {
		p.Gates = gates.Passed()
		p.Stop(gates.Err())
	}
	f.addRegistries(cmd, p, m, images)
	sides, unread := f.addRunning(cmd, p, c, catalog.Running(m.functions), regions, refused)
	if p.Published() { // without the registries, nothing is known of the blocks either
		f.addNew(cmd, p, m, regions, sides)
	}
	if err := f.addSources(cmd, p, m); err != nil {
		return err
	}
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	return errors.Join(unread, a.print(cmd, p, func(w io.Writer) error { return p.Print(w, f.markdown) }))
}

// addRegistries adds what publish would do.
func (f *planFlags) addRegistries(cmd *cobra.Command, p *plan.Plan, m *made, images map[string]publish.Image) {
	t, err := f.target.openAll(cmd.Context(), m.builder.Catalog, m.functions)
	if err != nil {
		p.Unseen(err, "the registries")
		return
	}
	if err := documents.Attach(cmd.Context(), m.builder.Catalog.Root, m.builder.Catalog.Pipeline.Identity, m.builder.Lock, m.builder.Cache, p.Commit, images, time.Now(), f.allowDirty); err != nil {
		p.Unseen(err, "what publish would attach")
	}
	items := reference.Items(m.functions, t.hosts, p.Commit)
	ctx, done := m.builder.Step(cmd.Context(), "read the registries")
	published, err := planned(ctx, publish.NewPublisher(t.registry, publish.DefaultParallel), m.builder.Catalog.Root, p.Commit, items, images, false, new(latestFlags))
	if err == nil {
		published.ReadLatest(t.platforms(ctx, m.builder.Cache))
	}
	done(err)
	if err != nil {
		p.Unseen(err, "what publish would do")
		return
	}
	p.AddPublish(published)
}

// addRunning adds what the functions run and what deploy would do. It returns the side of the
// functions of each region, the zero one if that is unknown, and an error if only some regions could
// be read: without any, the plan is of what publish would do.
func (f *planFlags) addRunning(cmd *cobra.Command, p *plan.Plan, c *catalog.Catalog, functions []catalog.Function, regions []fleetFlags, refused error) ([]reference.Side, error) {
	if refused != nil {
		p.Unseen(refused, "what the functions run")
		return nil, nil
	}
	all, releases := make([]*fleet, len(regions)), make([]history.Releases, len(regions))
	errs := read(cmd, regions, func(ctx context.Context, n int) (err error) {
		all[n], err = regions[n].open(ctx, c)
		return err
	})
	sides := make([]reference.Side, len(regions))
	for n, fl := range all {
		if errs[n] != nil {
			p.Unseen(errs[n], "what the functions run")
			continue
		}
		var err error
		if releases[n], err = fl.records.Releases(cmd.Context()); err != nil {
			p.Unseen(regionerr.Name(fl.name, err), "the earlier releases")
			releases[n] = history.Releases{}
		}
		p.ReadRunning(cmd.Context(), fl.lambda, fl.name, functions, releases[n])
		fl.addArchived(cmd.Context(), p, functions)
		sides[n] = fl.side
	}
	none := func(publish.Published) (own, others time.Time, err error) { return own, others, nil }
	if err := p.AddOrder(cmd.Context(), orders(c.Root, p.Commit, none)); err != nil {
		p.Unseen(err, "whether commit %s comes after what runs", p.Commit)
	}
	if !slices.Contains(errs, nil) {
		return sides, nil
	}
	return sides, unread(errs, "the plan says what is known of the other regions")
}

// addNew adds how many blocks are new in each region. Regions that run the same are measured once.
func (f *planFlags) addNew(cmd *cobra.Command, p *plan.Plan, m *made, regions []fleetFlags, sides []reference.Side) {
	measured := map[string]map[string]int{}
	for n, side := range sides {
		region, running := regions[n].name, p.Running(regions[n].name)
		counts, ok := measured[running]
		if !ok {
			var err error
			if counts, err = newBlocks(cmd, &regions[n].targetFlags, m, side); err != nil {
				p.Unseen(regionerr.Name(region, err), "how many blocks are new")
				continue
			}
			measured[running] = counts
		}
		p.SetNewBlocks(region, counts)
	}
}

// addArchived adds which functions run an image that is archived.
func (f *fleet) addArchived(ctx context.Context, p *plan.Plan, functions []catalog.Function) {
	var targets []deploy.Target
	running := p.Of(f.name)
	for n, item := range reference.PrivateItems(functions, f.hosts, "") {
		targets = append(targets, deploy.Target{Repository: item.Repository, Digest: running[n].Runs})
	}
	all, denied, err := f.archived(ctx, targets)
	if err = errors.Join(err, denied); err != nil {
		p.Unseen(regionerr.Name(f.name, err), "whether a rollback would have to wait for archived images")
	}
	p.AddArchived(f.name, slices.Concat(slices.Collect(maps.Values(all))...), ecrapi.RestoreTakes)
}

// newBlocks counts how many blocks of the images are new beside those that are live.
func newBlocks(cmd *cobra.Command, f *targetFlags, m *made, side reference.Side) (counts map[string]int, err error) {
	sides := &sides{cmd: cmd, flags: f, catalog: m.builder.Catalog, kept: m.builder.Cache, functions: m.functions}
	defer func() { err = errors.Join(err, sides.close()) }()
	live, err := sides.read(cmd.Context(), strings.TrimPrefix(reference.LiveTag("", side), "-"))
	if err != nil {
		return nil, err
	}
	now, err := sides.layout(m.dir, "built now")
	if err != nil {
		return nil, err
	}
	var contents coldstart.Reader
	return contents.New(cmd.Context(), live.Images, now.Images)
}

// addSources adds what changed since the commits that the functions run.
func (f *planFlags) addSources(cmd *cobra.Command, p *plan.Plan, m *made) (err error) {
	since := p.CompareWith(f.since)
	if len(since) == 0 {
		p.NotSeen = append(p.NotSeen, "why images change: pass --since COMMIT to compare with a commit")
		return nil
	}
	ctx, done := m.builder.Step(cmd.Context(), "compare the sources")
	defer func() { done(err) }()
	changes, err := change.ReadWorkTree(ctx, m.builder.Catalog, m.functions, m.builder.Sources())
	if err != nil {
		return err
	}
	for _, then := range since {
		s, err := changes.Since(cmd.Context(), then)
		if err != nil {
			p.Unseen(err, "what changed since %s", then)
			continue
		}
		p.AddChanges(then, catalog.Running(m.functions), s)
	}
	return nil
}
