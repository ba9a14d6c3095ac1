// Package plan says what publish and deploy would do for each function, and why. It
// is filled in by what could be read; what could not is named.
package plan

import (
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/publish"
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
	// NotSeen says what could not be read, and so is not part of the plan.
	NotSeen []string `json:"notSeen,omitempty"`
}

// Row tells of one function.
type Row struct {
	Image  string `json:"image"`
	Lambda string `json:"lambda"`
	// Digest is the image of the commit.
	Digest string `json:"digest"`
	// Publish is what publish would do, at each registry; empty when the registries
	// could not be read.
	Publish []publish.Step `json:"publish,omitempty"`
	Bytes   int64          `json:"bytes"`
	// Deploy is update or unchanged; empty when Lambda could not be read.
	Deploy string `json:"deploy,omitempty"`
	// Runs is the digest that the function runs, and RunsCommit the commit that
	// deployed it, if a release record says so.
	Runs       string `json:"runs,omitempty"`
	RunsCommit string `json:"runsCommit,omitempty"`
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
		p.Functions = append(p.Functions, Row{Image: f.Image, Lambda: f.Lambda, Digest: images[f.Image].Digest.String()})
	}
	return p
}

// AddPublish fills in what publish would do.
func (p *Plan) AddPublish(plan *publish.Plan) {
	p.Bytes, p.Attachments = plan.Bytes, plan.Attachments
	for _, s := range plan.Steps {
		row := p.row(s.Image)
		row.Publish = append(row.Publish, s)
		row.Bytes += s.Bytes
	}
}

// AddRunning fills in what the image's function runs, and so what deploy would do.
func (p *Plan) AddRunning(image string, running deploy.Function, releases history.Releases) {
	row := p.row(image)
	row.Runs, row.Deploy = running.Digest, Update
	if row.Runs == row.Digest {
		row.Deploy = Unchanged
	}
	row.RunsCommit, _, _ = releases.CommitOf(image, row.Runs)
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
		if row := p.row(function.Image); row.Since == commit {
			why := s.Of(function)
			row.Why = &why
		}
	}
}

// Unseen notes what could not be read, and the first line of the reason.
func (p *Plan) Unseen(err error, format string, args ...any) {
	why, _, _ := strings.Cut(err.Error(), "\n")
	p.NotSeen = append(p.NotSeen, fmt.Sprintf(format, args...)+": "+why)
}

func (p *Plan) row(image string) *Row {
	n := slices.IndexFunc(p.Functions, func(r Row) bool { return r.Image == image })
	return &p.Functions[n]
}
