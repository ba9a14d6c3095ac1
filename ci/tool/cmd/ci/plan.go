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
--since COMMIT to compare with that commit. --markdown is for a comment or the summary of a job.

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
	p := plan.New(name, catalog.Running(m.functions), images)
	if gates, _, err := a.audit(cmd, m, false); err != nil {
		p.Unseen(err, "the gates")
	} else {
		p.Gates = gates.Passed()
		p.Stop(gates.Err())
	}
	f.addRegistries(cmd, p, m, images)
	side := f.addLambda(cmd, p, c, catalog.Running(m.functions))
	if p.Published() { // without the registries, nothing is known of the blocks either
		if err := f.addBlocks(cmd, p, m, side); err != nil {
			p.Unseen(err, "how many blocks are new")
		}
	}
	if err := f.addSources(cmd, p, m); err != nil {
		return err
	}
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	return a.print(cmd, p, func(w io.Writer) error { return p.Print(w, f.markdown) })
}

// addRegistries adds what publish would do.
func (f *planFlags) addRegistries(cmd *cobra.Command, p *plan.Plan, m *made, images map[string]publish.Image) {
	t, err := f.target.open(cmd.Context(), m.builder.Catalog, m.functions)
	if err != nil {
		p.Unseen(err, "the registries")
		return
	}
	if err := documents.Attach(cmd.Context(), m.builder.Catalog.Root, m.builder.Catalog.Pipeline.Identity, m.builder.Lock, m.builder.Cache, p.Commit, images, time.Now(), f.allowDirty); err != nil {
		p.Unseen(err, "what publish would attach")
	}
	items := publish.Items(m.functions, t.hosts, p.Commit)
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

// addLambda adds what the functions run and what deploy would do. It returns the side of the
// functions, the zero one if that is unknown.
func (f *planFlags) addLambda(cmd *cobra.Command, p *plan.Plan, c *catalog.Catalog, functions []catalog.Function) publish.Side {
	flags := fleetFlags{f.target}
	fl, err := flags.open(cmd.Context(), c)
	if err != nil {
		p.Unseen(err, "what the functions run")
		return publish.Side{}
	}
	releases, err := fl.records.Releases(cmd.Context())
	if err != nil {
		p.Unseen(err, "the earlier releases")
		releases = history.Releases{}
	}
	p.ReadRunning(cmd.Context(), fl.lambda, functions, releases)
	fl.addArchived(cmd.Context(), p, functions)
	none := func(publish.Published) (own, others time.Time, err error) { return own, others, nil }
	if err := p.AddOrder(cmd.Context(), orders(c.Root, p.Commit, none)); err != nil {
		p.Unseen(err, "whether commit %s comes after what runs", p.Commit)
	}
	return fl.side
}

// addArchived adds which functions run an image that is archived.
func (f *fleet) addArchived(ctx context.Context, p *plan.Plan, functions []catalog.Function) {
	var targets []deploy.Target
	for n, item := range publish.PrivateItems(functions, f.hosts, "") {
		targets = append(targets, deploy.Target{Repository: item.Repository, Digest: p.Functions[n].Runs})
	}
	all, denied, err := f.archived(ctx, targets)
	if err = errors.Join(err, denied); err != nil {
		p.Unseen(err, "whether a rollback would have to wait for archived images")
	}
	p.AddArchived(slices.Concat(slices.Collect(maps.Values(all))...), ecrapi.RestoreTakes)
}

// addBlocks adds how many blocks of the images are new beside those that are live.
func (f *planFlags) addBlocks(cmd *cobra.Command, p *plan.Plan, m *made, side publish.Side) (err error) {
	sides := &sides{cmd: cmd, flags: &f.target, catalog: m.builder.Catalog, kept: m.builder.Cache, functions: m.functions}
	defer func() { err = errors.Join(err, sides.close()) }()
	live, err := sides.read(cmd.Context(), strings.TrimPrefix(publish.LiveTag("", side), "-"))
	if err != nil {
		return err
	}
	now, err := sides.layout(m.dir, "built now")
	if err != nil {
		return err
	}
	var contents coldstart.Reader
	counts, err := contents.New(cmd.Context(), live.Images, now.Images)
	if err == nil {
		p.SetNewBlocks(counts)
	}
	return err
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
