//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// finishing bounds what is done after the functions were updated: tags and record.
// An interrupt does not stop it.
const finishing = 2 * time.Minute

// pace is for AWS; tests, whose stand-in is fast, have another.
var pace = deploy.DefaultPace

// releasing is one deploy or rollback.
type releasing struct {
	flags   *releaseFlags
	fleet   *fleet
	catalog *catalog.Catalog
	history history.Releases
	kind    history.Kind
	commit  string
	targets []deploy.Target
}

// released is the result of deploy and rollback.
type released struct {
	Kind   history.Kind `json:"kind"`
	Commit string       `json:"commit"`
	// DryRun is set when nothing was done.
	DryRun bool `json:"dryRun,omitempty"`
	// Outcome is done, rolled-back, or mixed.
	Outcome string `json:"outcome"`
	// Record is the tag of the record of the release; empty when nothing changed.
	Record    string          `json:"record,omitempty"`
	Functions []deploy.Result `json:"functions"`
	Error     string          `json:"error,omitempty"`
	Seconds   float64         `json:"seconds"`
}

// release makes a release, marks what runs and records it.
func (a *app) release(cmd *cobra.Command, r *releasing) error {
	start := time.Now()
	if r.flags.smoke {
		if err := events(r.catalog, r.targets); err != nil {
			return err
		}
	}
	progress := report.NewProgress(cmd.ErrOrStderr())
	releaser := deploy.NewReleaser(r.fleet.lambda, r.fleet.registry, deploy.Options{
		Parallel: r.flags.parallel, Smoke: r.flags.smoke, Alias: r.flags.alias, Pace: pace,
		StandIn:     os.Getenv("AWS_ENDPOINT_URL") != "",
		Description: "commit " + r.commit, Tell: func(line string) { progress.Line("… " + line) },
	})
	done := progress.Step("look at the functions")
	plan, err := releaser.Preflight(cmd.Context(), r.targets)
	done()
	if err != nil {
		return storyError{err, exitFailed}
	}
	result := &released{Kind: r.kind, Commit: r.commit, DryRun: r.flags.dryRun, Outcome: "done", Functions: plan.Results()}
	warnOf(cmd, result.Functions)
	if !r.flags.dryRun {
		done := progress.Step(string(r.kind))
		result.Functions, err = releaser.Run(cmd.Context(), plan)
		done()
		if err == nil {
			err = r.finish(cmd.Context(), releaser, result)
		} else {
			result.Outcome, err = ended(err)
		}
	}
	result.Seconds = time.Since(start).Seconds()
	if err != nil {
		result.Error = err.Error()
	}
	return errors.Join(err, a.printReleased(cmd, result, r.history))
}

// ended says how a release that failed ended.
func ended(err error) (outcome string, _ error) {
	var back *deploy.RolledBack
	if errors.As(err, &back) {
		return "rolled-back", storyError{err, exitRolledBack}
	}
	return "mixed", storyError{err, exitFailed}
}

// finish marks what runs and records the release. The functions run it already, so
// a failure here says what was not done, and undoes nothing.
func (r *releasing) finish(ctx context.Context, releaser *deploy.Releaser, result *released) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), finishing)
	defer cancel()
	made := history.Release{Commit: r.commit, Kind: r.kind, Time: time.Now(), Who: r.fleet.who, Alias: r.flags.alias}
	for _, f := range result.Functions {
		made.Functions = append(made.Functions, history.Function{
			Image: f.Image, Lambda: f.Lambda, Repository: f.Repository, Before: f.Before, After: f.Digest, Version: f.Version,
		})
	}
	marked := releaser.MarkLive(ctx, result.Functions)
	var recorded error
	result.Record, recorded = r.fleet.records.Add(ctx, made, r.history)
	if err := errors.Join(marked, recorded); err != nil {
		return storyError{fmt.Errorf("%w\nthe functions run commit %s all the same; run the same command again to do the rest", err, r.commit), exitFailed}
	}
	return nil
}
