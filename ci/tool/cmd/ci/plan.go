//go:build !steps

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/publish"
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
}

// planned is the result of plan.
type planned struct {
	Commit    string       `json:"commit"`
	Functions []plannedRow `json:"functions"`
	// Bytes is what publish would send of the images, and Attachments how many
	// documents it would attach to them.
	Bytes       int64 `json:"bytes"`
	Attachments int   `json:"attachments"`
	// NotSeen says what could not be looked at, and so is not part of the plan.
	NotSeen []string `json:"notSeen,omitempty"`
}

// plannedRow tells of one function.
type plannedRow struct {
	Image  string `json:"image"`
	Lambda string `json:"lambda"`
	// Digest is the image of the commit.
	Digest string `json:"digest"`
	// Publish is what publish would do, at each registry; empty when the registries
	// were not seen.
	Publish []publish.Step `json:"publish,omitempty"`
	Bytes   int64          `json:"bytes"`
	// Deploy is update or unchanged; empty when Lambda was not seen.
	Deploy string `json:"deploy,omitempty"`
	// Runs is what the function runs, by RunsCommit, which may not be known.
	Runs       string `json:"runs,omitempty"`
	RunsCommit string `json:"runsCommit,omitempty"`
	// Since is the commit that the sources were compared with, and Why what changed.
	Since string         `json:"since,omitempty"`
	Why   *change.Reason `json:"why,omitempty"`
}

func newPlan(a *app) *cobra.Command {
	var f planFlags
	cmd := &cobra.Command{
		Use:   "plan",
		Short: "Say what publish and deploy would do for each function, and why",
		Long: `Say what publish and deploy would do for each function, and why.

The images are built and nothing is sent. Each function's sources, embedded files,
modules, toolchain and base are compared with the commit that it runs. What cannot
be seen, such as AWS without credentials, is named, and the rest is told all the
same; name a commit to compare with then.`,
		Example: "  ci plan\n  ci plan --commit abc1234 --json\n  ci plan --since HEAD~1 --offline",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.plan(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.commit, "commit", "", "commit to publish under (default: HEAD)")
	flags.StringVar(&f.since, "since", "", "commit to compare the sources with (default: the one that the function runs)")
	flags.BoolVar(&f.allowDirty, "allow-dirty", false, "plan although the work tree has changes that no commit has")
	f.target.add(cmd)
	f.build.addAll(cmd)
	addFrom(cmd, &f.from)
	return cmd
}

func (a *app) plan(cmd *cobra.Command, f *planFlags) error {
	if err := f.target.check(); err != nil {
		return err
	}
	if f.commit != "" {
		if err := commit.Check(f.commit); err != nil {
			return usageError{fmt.Errorf("--commit: %w", err)}
		}
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	name, err := commit.Choose(cmd.Context(), c.Root, f.commit, f.allowDirty)
	if err != nil {
		return err
	}
	m, err := a.images(cmd, &f.build, f.from)
	if err != nil {
		return err
	}
	images, err := publish.ReadImages(m.dir, m.functions, m.builder.Cache)
	if err != nil {
		return err
	}
	p := &planned{Commit: name}
	for _, function := range m.functions {
		p.Functions = append(p.Functions, plannedRow{Image: function.Image, Lambda: function.Lambda, Digest: images[function.Image].Digest.String()})
	}
	p.seeRegistries(cmd, f, m, images)
	p.seeLambda(cmd, f, c, m.functions)
	if err := p.seeSources(cmd, f, c, m); err != nil {
		return err
	}
	if err := cmd.Context().Err(); err != nil {
		return err
	}
	return a.printPlanned(cmd, p)
}

// seeRegistries fills in what publish would do.
func (p *planned) seeRegistries(cmd *cobra.Command, f *planFlags, m *made, images map[string]publish.Image) {
	t, err := f.target.open(cmd.Context())
	if err != nil {
		p.unseen(err, "the registries")
		return
	}
	now := time.Now()
	if err := document(cmd.Context(), m.builder.Catalog.Root, p.Commit, images, now, f.allowDirty); err != nil {
		p.unseen(err, "what publish would attach")
	}
	items := publish.Items(m.functions, t.hosts, p.Commit)
	defer m.builder.Step("look at the registries")()
	state, err := publish.NewPublisher(t.registry, publish.DefaultParallel).Inspect(cmd.Context(), items, images)
	var plan *publish.Plan
	if err == nil {
		plan, err = publish.NewPlan(items, images, state, false)
	}
	if err != nil {
		p.unseen(err, "what publish would do")
		return
	}
	p.Bytes, p.Attachments = plan.Bytes, plan.Attachments
	for _, s := range plan.Steps {
		row := p.row(s.Image)
		row.Publish = append(row.Publish, s)
		row.Bytes += s.Bytes
	}
}

// unseen notes what could not be looked at, and the first line of why.
func (p *planned) unseen(err error, format string, args ...any) {
	why, _, _ := strings.Cut(err.Error(), "\n")
	p.NotSeen = append(p.NotSeen, fmt.Sprintf(format, args...)+": "+why)
}

func (p *planned) row(image string) *plannedRow {
	n := slices.IndexFunc(p.Functions, func(r plannedRow) bool { return r.Image == image })
	return &p.Functions[n]
}

// seeLambda fills in what the functions run and what deploy would do.
func (p *planned) seeLambda(cmd *cobra.Command, f *planFlags, c *catalog.Catalog, functions []catalog.Function) {
	flags := fleetFlags{f.target}
	fl, err := flags.open(cmd.Context(), c)
	if err != nil {
		p.unseen(err, "what the functions run")
		return
	}
	releases, err := fl.records.Releases(cmd.Context())
	if err != nil {
		p.unseen(err, "the earlier releases")
		releases = history.Releases{}
	}
	for _, function := range functions {
		row := p.row(function.Image)
		running, err := fl.lambda.Function(cmd.Context(), function.Lambda, "")
		if err != nil {
			p.unseen(err, "what %s runs", function.Lambda)
			if errors.Is(err, deploy.ErrPassing) {
				return // the others would not answer either
			}
			continue
		}
		row.Runs, row.Deploy = running.Digest, "update"
		if row.Runs == row.Digest {
			row.Deploy = "unchanged"
		}
		row.RunsCommit, _, _ = releases.CommitOf(function.Image, row.Runs)
	}
}
