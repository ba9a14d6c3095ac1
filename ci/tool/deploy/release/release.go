// Package release makes one release, a deploy or a rollback of all functions: it
// checks every function, updates them, tags the images that run as live, and writes
// the release record.
package release

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
)

// finishing bounds the work after the functions were updated: live tags and the
// release record. An interrupt does not stop it.
const finishing = 2 * time.Minute

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
	Step func(name string) (done func())
}

// Report is what a release did, or in a dry run would do.
type Report struct {
	Kind   history.Kind `json:"kind"`
	Commit string       `json:"commit"`
	// DryRun is set when nothing was done.
	DryRun bool `json:"dryRun,omitempty"`
	// Outcome is done, rolled-back, or mixed.
	Outcome string `json:"outcome"`
	// Record is the tag of the release record; empty when nothing changed.
	Record    string          `json:"record,omitempty"`
	Functions []deploy.Result `json:"functions"`
	Error     string          `json:"error,omitempty"`
	Seconds   float64         `json:"seconds"`

	releases history.Releases
}

// Preflight checks every function. Its error means that nothing was changed.
func (r *Release) Preflight(ctx context.Context, d *deploy.Releaser) (*deploy.Plan, error) {
	done := r.Step("check the functions")
	defer done()
	return d.Preflight(ctx, r.Targets)
}

// Run carries the plan of [Release.Preflight] out. The error is that of
// [deploy.Releaser.Run], or says that the functions were updated and the rest was
// not done.
func (r *Release) Run(ctx context.Context, d *deploy.Releaser, plan *deploy.Plan) (*Report, error) {
	start := time.Now()
	report := &Report{
		Kind: r.Kind, Commit: r.Commit, DryRun: r.DryRun, Outcome: "done", Functions: plan.Results(), releases: r.Releases,
	}
	if r.DryRun {
		return report, nil
	}
	done := r.Step(string(r.Kind))
	var err error
	report.Functions, err = d.Run(ctx, plan)
	done()
	var back *deploy.RolledBack
	switch {
	case err == nil:
		err = r.finish(ctx, d, report)
	case errors.As(err, &back):
		report.Outcome = "rolled-back"
	default:
		report.Outcome = "mixed"
	}
	report.Seconds = time.Since(start).Seconds()
	if err != nil {
		report.Error = err.Error()
	}
	return report, err
}

// finish tags what runs as live and records the release. The functions were updated,
// so an error here says what was not done, and nothing is rolled back.
func (r *Release) finish(ctx context.Context, d *deploy.Releaser, report *Report) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing)
	defer cancel()
	made := history.Release{Commit: r.Commit, Kind: r.Kind, Time: time.Now(), Who: r.Who, Alias: r.Alias}
	for _, f := range report.Functions {
		made.Functions = append(made.Functions, history.Function{
			Image: f.Image, Lambda: f.Lambda, Repository: f.Repository, Before: f.Before, After: f.Digest, Version: f.Version,
		})
	}
	marked := d.MarkLive(ctx, report.Functions)
	var recorded error
	report.Record, recorded = r.Records.Add(ctx, made, r.Releases)
	if err := errors.Join(marked, recorded); err != nil {
		return fmt.Errorf("%w\nthe functions run commit %s; run the same command again to finish the rest", err, r.Commit)
	}
	return nil
}
