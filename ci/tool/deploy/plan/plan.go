// Package plan says what publish and deploy would do for each function, and why. It
// is filled in by what could be read; what could not is named.
package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
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

// Row tells of one function, in one region if the plan is for several.
type Row struct {
	Region string `json:"region,omitempty"`
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

	// shared is true if another region's row says what publish would do, because both have one
	// registry.
	shared bool
}

// What deploy would do for a function.
const (
	Update    = "update"
	Unchanged = "unchanged"
)

// New returns a plan for the images of the functions that names nothing yet. Several regions have
// rows of their own.
func New(commit string, functions []catalog.Function, images map[string]publish.Image, regions ...string) *Plan {
	p := &Plan{Commit: commit}
	if len(regions) == 0 {
		regions = []string{""}
	}
	for _, region := range regions {
		for _, f := range functions {
			p.Functions = append(p.Functions, Row{Region: region, Image: f.Image, Lambda: f.Lambda, Digest: images[f.Image].Digest.String(), Platform: images[f.Image].Platform})
		}
	}
	return p
}

// AddPublish fills in what publish would do. Of several regions, a repository that is in none of
// them counts for the first.
func (p *Plan) AddPublish(plan *publish.Plan) {
	p.Bytes, p.Attachments = plan.Bytes, plan.Attachments
	if plan.Latest != nil {
		p.Latest = plan.Latest.String()
	}
	for _, s := range plan.Steps {
		region := reference.RegionOf(s.Repository)
		if !slices.ContainsFunc(p.Functions, func(r Row) bool { return r.Region == region }) {
			region = p.Functions[0].Region
		}
		row := p.row(region, s.Image, "") // one image may be that of several functions: it is published once
		row.Publish = append(row.Publish, s)
		row.Bytes += s.Bytes
	}
	for n := range p.Functions {
		row := &p.Functions[n]
		row.shared = row.Region != p.Functions[0].Region && len(row.Publish) == 0
	}
}

// parallel is how many functions are read at once.
const parallel = 16

// Lambda reads functions.
type Lambda interface {
	Function(ctx context.Context, name, qualifier string) (deploy.Function, error)
}

// ReadRunning fills in what the functions of a region run, and notes what could not be read. After a
// failure that the calls for other functions would have too, it makes no more of them.
func (p *Plan) ReadRunning(ctx context.Context, l Lambda, region string, functions []catalog.Function, releases history.Releases) {
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
			p.addRunning(region, f, running[n], releases)
		case failed == nil || errors.Is(errs[n], failed):
			p.Unseen(errs[n], "what %s runs%s", f.Lambda, in(region))
		}
	}
}

// addRunning fills in what the function runs, and so what deploy would do.
func (p *Plan) addRunning(region string, f catalog.Function, running deploy.Function, releases history.Releases) {
	row := p.row(region, f.Image, f.Lambda)
	row.Runs, row.Deploy = running.Digest, Update
	if row.Runs == row.Digest {
		row.Deploy = Unchanged
	}
	row.RunsCommit, _, _ = releases.CommitOf(f.Image, row.Runs)
	row.RunsPlatform = running.Platform()
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
		for n := range p.Functions {
			if row := &p.Functions[n]; row.Image == function.Image && row.Lambda == function.Lambda && row.Since == commit {
				why := s.Of(function)
				row.Why = &why
			}
		}
	}
}

// AddArchived notes which functions of a region run one of these images, which are archived: a rollback of the
// next deploy goes back to it. takes is how long AWS takes to restore one.
func (p *Plan) AddArchived(region string, digests []string, takes time.Duration) {
	p.restoreTakes = takes
	for _, r := range p.Of(region) {
		if slices.Contains(digests, r.Runs) {
			p.Archived = append(p.Archived, r.Lambda+in(region))
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

func (p *Plan) row(region, image, lambda string) *Row {
	n := slices.IndexFunc(p.Functions, func(r Row) bool {
		return r.Region == region && r.Image == image && (lambda == "" || r.Lambda == lambda)
	})
	return &p.Functions[n]
}

// in names the region in a text, if there are several.
func in(region string) string {
	if region == "" {
		return ""
	}
	return " in " + region
}

// Of returns the rows of a region.
func (p *Plan) Of(region string) []Row {
	return slices.DeleteFunc(slices.Clone(p.Functions), func(r Row) bool { return r.Region != region })
}

// Running names what the functions of a region run; it is the same for regions that run the same.
func (p *Plan) Running(region string) string {
	var all []string
	for _, r := range p.Of(region) {
		all = append(all, r.Lambda+" "+r.Runs)
	}
	return strings.Join(all, "\n")
}

// SetNewBlocks fills in how many blocks of each image are new in a region.
func (p *Plan) SetNewBlocks(region string, counts map[string]int) {
	for image, n := range counts {
		for r := range p.Functions { // one image may be that of several functions
			if p.Functions[r].Image == image && p.Functions[r].Region == region {
				p.Functions[r].NewBlocks = new(n)
			}
		}
	}
}
