// Package plan says what publish and deploy would do for each function, and why. It
// is filled in by what could be read; what could not is named.
package plan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/change"
)

// Plan is what publish and deploy would do.
type Plan struct {
	Commit    string `json:"commit"`
	Functions []Row  `json:"functions"`
	// Bytes is what publish would send of the images, and Attachments how many
	// documents it would attach to them.
	Bytes       int64 `json:"bytes"`
	Attachments int   `json:"attachments"`
	// Latest is a line that says why publish would leave the latest tags as they are.
	Latest string `json:"latest,omitempty"`
	// Back says which functions deploy would take back to an earlier commit, which it refuses.
	Back []string `json:"back,omitempty"`
	// Refused says which functions deploy would refuse to update, for any other reason.
	Refused []string `json:"refused,omitempty"`
	// Archived are the functions whose image is archived, so that a rollback to it has to wait.
	Archived []string `json:"archived,omitempty"`
	// Gates is how many gates the images passed.
	Gates int `json:"gatesPassed,omitempty"`
	// Stopped says at which gates publish would stop, and why.
	Stopped []string `json:"stopped,omitempty"`
	// NotSeen says what could not be read, and so is not part of the plan.
	NotSeen []string `json:"notSeen,omitempty"`

	restoreTakes time.Duration
}

// Row tells of one function.
type Row struct {
	Image  string `json:"image"`
	Lambda string `json:"lambda"`
	// Digest is the image of the commit.
	Digest string `json:"digest"`
	// Platform is what it is for.
	Platform string `json:"platform"`
	// Publish is what publish would do, at each registry; empty when the registries
	// could not be read.
	Publish []publish.Step `json:"publish,omitempty"`
	Bytes   int64          `json:"bytes"`
	// NewBlocks is how many blocks of 512 KiB no image has that the functions run now.
	NewBlocks *int `json:"newBlocks,omitempty"`
	// Deploy is update or unchanged; empty when Lambda could not be read.
	Deploy string `json:"deploy,omitempty"`
	// Runs is the digest that the function runs, and RunsCommit the commit that
	// deployed it, if a release record says so. RunsPlatform is what it is for.
	Runs         string `json:"runs,omitempty"`
	RunsCommit   string `json:"runsCommit,omitempty"`
	RunsPlatform string `json:"runsPlatform,omitempty"`
	// Since is the commit that the sources were compared with, and Why what changed.
	Since string         `json:"since,omitempty"`
	Why   *change.Reason `json:"why,omitempty"`
}

// What deploy would do for a function.
const (
	Update    = "update"
	Unchanged = "unchanged"
)

// New returns a plan for the images of the functions that names nothing yet.
func New(commit string, functions []catalog.Function, images map[string]publish.Image) *Plan {
	p := &Plan{Commit: commit}
	for _, f := range functions {
		p.Functions = append(p.Functions, Row{Image: f.Image, Lambda: f.Lambda, Digest: images[f.Image].Digest.String(), Platform: images[f.Image].Platform})
	}
	return p
}

// AddPublish fills in what publish would do.
func (p *Plan) AddPublish(plan *publish.Plan) {
	p.Bytes, p.Attachments = plan.Bytes, plan.Attachments
	if plan.Latest != nil {
		p.Latest = plan.Latest.String()
	}
	for _, s := range plan.Steps {
		row := p.row(s.Image, "") // one image may be that of several functions: it is published once
		row.Publish = append(row.Publish, s)
		row.Bytes += s.Bytes
	}
}

// parallel is how many functions are read at once.
const parallel = 16

// Lambda reads functions.
type Lambda interface {
	Function(ctx context.Context, name, qualifier string) (deploy.Function, error)
}

// ReadRunning fills in what the functions run, and notes what could not be read. After a
// failure that the calls for other functions would have too, it makes no more of them.
func (p *Plan) ReadRunning(ctx context.Context, l Lambda, functions []catalog.Function, releases history.Releases) {
	running, errs := make([]deploy.Function, len(functions)), make([]error, len(functions))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, f := range functions {
		g.Go(func() error {
			if errs[n] = gctx.Err(); errs[n] == nil {
				running[n], errs[n] = l.Function(gctx, f.Lambda, "")
			}
			if errors.Is(errs[n], deploy.ErrPassing) {
				return errs[n]
			}
			return nil
		})
	}
	failed := g.Wait()
	for n, f := range functions {
		switch {
		case errs[n] == nil:
			p.addRunning(f, running[n], releases)
		case failed == nil || errors.Is(errs[n], failed):
			p.Unseen(errs[n], "what %s runs", f.Lambda)
		}
	}
}

// addRunning fills in what the function runs, and so what deploy would do.
func (p *Plan) addRunning(f catalog.Function, running deploy.Function, releases history.Releases) {
	row := p.row(f.Image, f.Lambda)
	row.Runs, row.Deploy = running.Digest, Update
	if row.Runs == row.Digest {
		row.Deploy = Unchanged
	}
	row.RunsCommit, _, _ = releases.CommitOf(f.Image, row.Runs)
	if row.RunsPlatform = running.Platform(); row.moves() {
		p.Refused = append(p.Refused, fmt.Sprintf("%s is for %s, and its image for %s; build it with --platform %s", f.Lambda, row.RunsPlatform, row.Platform, row.RunsPlatform))
	}
}

// moves tells whether the image is for another platform than the one that the function runs.
func (r Row) moves() bool {
	return report.OtherPlatform(r.RunsPlatform, r.Platform)
}

// CompareWith chooses the commit that the sources of each function are compared
// with: since, or where it is empty the one that the function runs. It returns each
// commit once.
func (p *Plan) CompareWith(since string) []string {
	var commits []string
	for n := range p.Functions {
		row := &p.Functions[n]
		if row.Since = since; row.Since == "" {
			row.Since = row.RunsCommit
		}
		if row.Since != "" && !slices.Contains(commits, row.Since) {
			commits = append(commits, row.Since)
		}
	}
	return commits
}

// AddChanges fills in what changed since the commit, for the functions that are
// compared with it.
func (p *Plan) AddChanges(commit string, functions []catalog.Function, s change.Since) {
	for _, function := range functions {
		if row := p.row(function.Image, function.Lambda); row.Since == commit {
			why := s.Of(function)
			row.Why = &why
		}
	}
}

// AddArchived notes which functions run one of these images, which are archived: a rollback of the
// next deploy goes back to it. takes is how long AWS takes to restore one.
func (p *Plan) AddArchived(digests []string, takes time.Duration) {
	p.restoreTakes = takes
	for _, r := range p.Functions {
		if slices.Contains(digests, r.Runs) {
			p.Archived = append(p.Archived, r.Lambda)
		}
	}
}

// Stop notes why publish would stop, a line for each reason.
func (p *Plan) Stop(why error) {
	if why != nil {
		p.Stopped = append(p.Stopped, strings.Split(why.Error(), "\n")...)
	}
}

// Unseen notes what could not be read, and the first line of the reason.
func (p *Plan) Unseen(err error, format string, args ...any) {
	why, _, _ := strings.Cut(err.Error(), "\n")
	p.NotSeen = append(p.NotSeen, fmt.Sprintf(format, args...)+": "+why)
}

func (p *Plan) row(image, lambda string) *Row {
	n := slices.IndexFunc(p.Functions, func(r Row) bool { return r.Image == image && (lambda == "" || r.Lambda == lambda) })
	return &p.Functions[n]
}

// Print prints what would be done for each function, and what could not be read: as a table for a
// terminal or, with markdown, for a page.
func (p *Plan) Print(w io.Writer, markdown bool) error {
	table, line := report.Table, func(text string) { fmt.Fprintln(w, text) }
	if markdown {
		fmt.Fprintf(w, "### Plan for commit %s\n\n", p.Commit)
		table, line = report.Markdown, func(text string) { fmt.Fprintf(w, "- %s\n", report.Escape(text)) }
	}
	rows, platforms := p.rows()
	header, rows, of := report.For([]string{"IMAGE", "PUBLISH", "MB", "NEW BLOCKS", "RUNS NOW", "AFTER", "DEPLOY", "WHY"}, rows, platforms)
	if err := table(w, header, rows); err != nil {
		return err
	}
	if markdown {
		fmt.Fprintln(w)
	}
	for _, text := range p.lines(of) {
		line(text)
	}
	return nil
}

func (p *Plan) rows() (rows [][]string, platforms []string) {
	for _, r := range p.Functions {
		rows = append(rows, []string{r.Image, r.publish(), report.MB(r.Bytes), r.blocks(), r.runs(), deploy.Short(r.Digest), cmp.Or(r.Deploy, "?"), r.why()})
		platforms = append(platforms, r.Platform)
	}
	return rows, platforms
}

// lines are what is said of all functions, and what could not be read. of is for which platform the
// images are, if for one.
func (p *Plan) lines(of string) (lines []string) {
	updates, seen := 0, 0
	for _, r := range p.Functions {
		if r.Deploy != "" {
			seen++
		}
		if r.Deploy == Update {
			updates++
		}
	}
	text := "plan for commit " + p.Commit + of
	if p.Published() {
		text += fmt.Sprintf("; publish would send %d bytes and attach %s", p.Bytes, report.Count(p.Attachments, "document"))
	}
	if seen > 0 {
		text += fmt.Sprintf("; deploy would update %d of %s", updates, report.Count(seen, "function"))
	}
	if p.Gates > 0 && len(p.Stopped) == 0 {
		text += "; " + report.Count(p.Gates, "gate") + " passed"
	}
	lines = append(lines, text)
	if p.Latest != "" {
		lines = append(lines, p.Latest)
	}
	add := func(prefix string, all []string) {
		for _, s := range all {
			lines = append(lines, prefix+s)
		}
	}
	add("publish would stop: ", p.Stopped)
	add("deploy: ", p.Back)
	add("deploy would refuse: ", p.Refused)
	if len(p.Archived) > 0 {
		lines = append(lines, fmt.Sprintf("rollback: what runs now is archived (%s), so a rollback to it would first wait for AWS to restore it, up to %s", strings.Join(p.Archived, ", "), p.restoreTakes))
	}
	add("unknown: ", p.NotSeen)
	return lines
}

// Published tells whether the registries could be read.
func (p *Plan) Published() bool {
	return slices.ContainsFunc(p.Functions, func(r Row) bool { return len(r.Publish) > 0 })
}

// publish names what publish would do, once if it is the same everywhere.
func (r Row) publish() string {
	var actions []string
	for _, s := range r.Publish {
		text := string(s.Action)
		if !slices.ContainsFunc(r.Publish, func(o publish.Step) bool { return o.Action != s.Action }) {
			actions = []string{text}
			break
		}
		actions = append(actions, text+" "+string(s.Tier))
	}
	return cmp.Or(strings.Join(actions, ", "), "?")
}

// SetNewBlocks fills in how many blocks of each image are new.
func (p *Plan) SetNewBlocks(counts map[string]int) {
	for image, n := range counts {
		for r := range p.Functions { // one image may be that of several functions
			if p.Functions[r].Image == image {
				p.Functions[r].NewBlocks = new(n)
			}
		}
	}
}

func (r Row) blocks() string {
	if r.NewBlocks == nil {
		return "?"
	}
	return fmt.Sprint(*r.NewBlocks)
}

func (r Row) runs() string {
	if r.Deploy == "" {
		return "?"
	}
	text := deploy.Short(r.Runs)
	if r.moves() {
		text = report.DigestFor(r.Runs, r.RunsPlatform)
	}
	if r.RunsCommit != "" {
		text += " (" + r.RunsCommit + ")"
	}
	return text
}

// why says in a few words why the image changed, or did not.
func (r Row) why() string {
	switch {
	case r.Why == nil && r.Deploy == Unchanged:
		return ""
	case r.Why == nil:
		return "?"
	case r.Deploy == Unchanged && r.Why.None():
		return "nothing changed"
	case r.Deploy == Unchanged:
		return "same image, although these changed: " + r.Why.String()
	case r.Why.None() && r.Deploy == Update:
		return "no source changed since " + r.Since + "; the base, ffmpeg or Go differs"
	case r.Why.None():
		return "nothing changed since " + r.Since
	default:
		return r.Why.String()
	}
}
