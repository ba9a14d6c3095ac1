// Package release makes one release, a deploy or a rollback of all functions: it
// checks every function, updates them, tags the images that run as live, and writes
// the release record.
package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/report"
)

// finishing and each bound the work after the functions were updated: the release record,
// and one or two live tags for each function. ECR sets 10 tags a second. An interrupt does not stop it.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
const (
	finishing = 2 * time.Minute
	each      = 400 * time.Millisecond
)

// Release is one deploy or rollback to make.
type Release struct {
	Kind   history.Kind
	Commit string
	// Alias is moved to a new version of every function, if it is set.
	Alias string
	// DryRun checks every function and changes nothing.
	DryRun bool
	// Who makes the release, for the record.
	Who     string
	Targets []deploy.Target
	// Releases are the earlier ones; Records is where this one is recorded.
	Releases history.Releases
	Records  *history.Store
	// Step tells of a step that takes time; what it returns ends the step.
	Step func(name string) (done func(err error))

	started time.Time
}

// Report is what a release did, or in a dry run would do.
type Report struct {
	Kind   history.Kind `json:"kind"`
	Commit string       `json:"commit"`
	// DryRun is set when nothing was done.
	DryRun bool `json:"dryRun,omitempty"`
	// Outcome is done, rolled-back, or mixed; of one region of several also not-begun.
	Outcome string `json:"outcome"`
	// Record is the tag of the release record; empty when nothing changed.
	Record    string          `json:"record,omitempty"`
	Functions []deploy.Result `json:"functions"`
	Error     string          `json:"error,omitempty"`
	Seconds   float64         `json:"seconds"`

	releases history.Releases
}

// The outcomes of a release.
const (
	outcomeDone  = "done"
	outcomeBack  = "rolled-back"
	outcomeMixed = "mixed" // some function could not be rolled back
)

// Preflight checks every function. Its error means that nothing was changed.
func (r *Release) Preflight(ctx context.Context, d *deploy.Releaser) (*deploy.Plan, error) {
	r.started = time.Now()
	done := r.Step("check the functions")
	plan, err := d.Preflight(ctx, r.Targets)
	done(err)
	return plan, err
}

// Nothing is the error of a rollback that has nothing to change: whoever asks for one wants
// something else to run. A release whose tags or record are missing has something to do.
func (r *Release) Nothing(plan *deploy.Plan) error {
	n := len(r.Releases)
	if r.Kind != history.Rollback || n == 0 || plan.Changes() {
		return nil
	}
	runs := map[string]string{}
	for _, t := range r.Targets {
		runs[t.Image] = t.Digest
	}
	others := func(h history.Release) bool {
		return slices.ContainsFunc(h.Functions, func(f history.Function) bool { return runs[f.Image] != "" && runs[f.Image] != f.After })
	}
	if others(r.Releases[n-1]) {
		return nil
	}
	text := "no earlier release has other images; to deploy another commit: bin/ci deploy --commit COMMIT"
	for _, h := range slices.Backward(r.Releases) {
		if others(h) {
			text = fmt.Sprintf("the last release with other images: bin/ci rollback --to %s", h.Commit)
			break
		}
	}
	return fmt.Errorf("roll back to commit %s: every function runs its images already, so nothing was changed; %s", r.Commit, text)
}

// Run carries the plan of [Release.Preflight] out. The error is that of
// [deploy.Releaser.Run], or says that the functions were updated and the rest was
// not done.
func (r *Release) Run(ctx context.Context, d *deploy.Releaser, plan *deploy.Plan) (*Report, error) {
	report, err := r.Update(ctx, d, plan)
	if err == nil {
		err = r.Finish(ctx, d, report)
	}
	return report, err
}

// Update is [Release.Run] without the end of it: see [Release.Finish].
func (r *Release) Update(ctx context.Context, d *deploy.Releaser, plan *deploy.Plan) (*Report, error) {
	report := r.report(outcomeDone, plan.Results())
	if r.DryRun {
		report.Seconds = time.Since(r.started).Seconds()
		return report, nil
	}
	done := r.Step(string(r.Kind))
	var err error
	report.Functions, err = d.Run(ctx, plan)
	done(err)
	report.ended(r.started, err)
	return report, err
}

// Undo rolls back what [Release.Update] did. The error is that of [deploy.Releaser.Undo].
func (r *Release) Undo(ctx context.Context, d *deploy.Releaser, plan *deploy.Plan, report *Report, cause error) error {
	done := r.Step("roll back")
	var err error
	report.Functions, err = d.Undo(ctx, plan, cause)
	done(nil)
	report.ended(r.started, err)
	return err
}

// report is what is known of the release before it is made.
func (r *Release) report(outcome string, functions []deploy.Result) *Report {
	return &Report{Kind: r.Kind, Commit: r.Commit, DryRun: r.DryRun, Outcome: outcome, Functions: functions, releases: r.Releases}
}

// ended notes how a release ended.
func (r *Report) ended(started time.Time, err error) {
	r.Seconds = time.Since(started).Seconds()
	if err == nil {
		return
	}
	var back *deploy.RolledBack
	if r.Outcome, r.Error = outcomeMixed, err.Error(); errors.As(err, &back) {
		r.Outcome = outcomeBack
	}
}

// Finish tags what runs as live and records the release. The functions were updated,
// so an error here says what was not done, and nothing is rolled back.
func (r *Release) Finish(ctx context.Context, d *deploy.Releaser, report *Report) error {
	if r.DryRun {
		return nil
	}
	err := r.finish(ctx, d, report)
	if report.Seconds = time.Since(r.started).Seconds(); err != nil {
		report.Error = err.Error()
	}
	return err
}

func (r *Release) finish(ctx context.Context, d *deploy.Releaser, report *Report) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing+time.Duration(len(report.Functions))*each)
	defer cancel()
	made := history.Release{Commit: r.Commit, Kind: r.Kind, Time: time.Now(), Who: r.Who, Alias: r.Alias}
	for _, f := range report.Functions {
		made.Functions = append(made.Functions, history.Function{
			Image: f.Image, Lambda: f.Lambda, Repository: f.Repository, Before: f.Before, After: f.Digest, Platform: f.Platform, Version: f.Version,
		})
	}
	marked := d.MarkLive(ctx, report.Functions)
	var recorded error
	report.Record, recorded = r.Records.Add(ctx, made, r.Releases)
	if err := errors.Join(marked, recorded); err != nil {
		again := "run the same command again"
		if r.Kind == history.Rollback { // without --to it would go to another release
			again = "type bin/ci rollback --to " + r.Commit
		}
		return fmt.Errorf("%w\nthe functions run commit %s; %s to finish the rest", err, r.Commit, again)
	}
	return nil
}

// Table prints for every function from which digest to which it went.
func (r *Report) Table(w io.Writer) error {
	rows, platforms, counts := r.rows()
	header, rows, of := report.For(header, rows, platforms)
	if err := report.Table(w, header, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, r.summary(counts, of))
	return err
}

var header = []string{"IMAGE", "FUNCTION", "FROM", "TO", "RESULT"}

// rows are those of the table, with the platform of each image, and how many functions are in each
// state.
func (r *Report) rows() (rows [][]string, platforms []string, counts map[deploy.State]int) {
	counts = map[deploy.State]int{}
	for _, f := range r.Functions {
		if onlyAlias(f) {
			counts[deploy.Unchanged]++
		} else {
			counts[f.State]++
		}
		rows = append(rows, []string{f.Image, f.Lambda, r.named(f), deploy.Short(f.Digest) + " (" + r.Commit + ")", outcome(f)})
		platforms = append(platforms, f.Platform)
	}
	return rows, platforms, counts
}

// onlyAlias tells whether of the function only the alias changed.
func onlyAlias(f deploy.Result) bool { return f.State == deploy.Updated && f.Before == f.Digest }

// named is the digest that the function ran before, with the commit that deployed it.
func (r *Report) named(f deploy.Result) string {
	text := deploy.Short(f.Before)
	if commit, _, ok := r.releases.CommitOf(f.Image, f.Before); ok {
		text += " (" + commit + ")"
	}
	return text
}

func outcome(f deploy.Result) string {
	text := map[deploy.State]string{
		deploy.Planned: "would be updated", deploy.Unchanged: "unchanged", deploy.Updated: "updated",
		deploy.Untouched: "not updated", deploy.Restored: "rolled back", deploy.Stuck: "NOT ROLLED BACK, runs " + deploy.Short(f.Now),
	}[f.State]
	if onlyAlias(f) {
		text = "unchanged, alias moved"
	}
	if f.Error != "" {
		text = "failed, " + text
	}
	if f.State == deploy.Updated && f.Version != "" {
		text += ", version " + f.Version
	}
	if f.Canary != nil {
		text += ", canary: " + f.Canary.String()
	}
	return text
}

// summary says what was done in all; of is for which platform the images are, if for one.
func (r *Report) summary(counts map[deploy.State]int, of string) string {
	head := fmt.Sprintf("%s of commit %s", r.Kind, r.Commit)
	if r.Kind == history.Rollback {
		head = "rollback to commit " + r.Commit
	}
	head += of
	took, functions := report.Seconds(r.Seconds), report.Count(len(r.Functions), "function")
	switch {
	case r.DryRun:
		return fmt.Sprintf("dry run: %s; would update %d of %s", head, counts[deploy.Planned], functions)
	case r.Outcome == outcomeNone:
		return head + " was not begun"
	case r.Outcome == outcomeBack:
		return fmt.Sprintf("%s was ROLLED BACK, %s", head, took)
	case r.Outcome != outcomeDone:
		return fmt.Sprintf("%s FAILED, and %d of %s could not be rolled back, %s", head, counts[deploy.Stuck], functions, took)
	}
	text := fmt.Sprintf("%s done: %d updated, %d unchanged, %s", head, counts[deploy.Updated], counts[deploy.Unchanged], took)
	if r.Record != "" {
		text += "\nrecorded as " + r.Record
	}
	return text
}
