//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/release"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// releaseFlags are those of deploy and rollback.
type releaseFlags struct {
	fleet    fleetFlags
	smoke    bool
	alias    string
	dryRun   bool
	older    bool // for deploy: a commit that comes before the live one
	parallel int
	canary   deploy.Canary
}

func (f *releaseFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.smoke, "smoke", false, "call every updated function with its testdata/event.json; roll all back if one answers with an error")
	flags.StringVar(&f.alias, "alias", "", "publish a version of each function and point this alias to it")
	flags.BoolVar(&f.dryRun, "dry-run", false, "check everything and print what would be done; change nothing")
	flags.IntVar(&f.parallel, "parallel", deploy.DefaultParallel, "functions updated at once")
	f.fleet.add(cmd)
}

// aliasName is AWS's own rule for an alias: it must not be a number.
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateAlias.html
var aliasName = regexp.MustCompile(`^[a-zA-Z0-9-_]*[a-zA-Z-_][a-zA-Z0-9-_]*$`)

func (f *releaseFlags) check() error {
	switch {
	case f.parallel < 1:
		return usageError{fmt.Errorf("--parallel: %d is not a number of functions; pass 1 or more", f.parallel)}
	case f.alias != "" && (!aliasName.MatchString(f.alias) || len(f.alias) > 128):
		return usageError{fmt.Errorf("--alias: %q is not an alias name; use up to 128 letters, digits, - and _, at least one of them not a digit", f.alias)}
	}
	return f.fleet.check()
}

// pace says how often AWS is asked and how long a release waits. Tests use a faster one.
var pace = deploy.DefaultPace

// clock is that of a canary. Tests have a faster one.
var clock = deploy.SystemClock

// release makes a release and prints the result.
func (a *app) release(cmd *cobra.Command, f *releaseFlags, fl *fleet, c *catalog.Catalog, r *release.Release) error {
	if f.smoke {
		if err := events(c, r.Targets); err != nil {
			return err
		}
	}
	progress := report.NewProgress(cmd.ErrOrStderr())
	releaser := deploy.NewReleaser(fl.lambda, fl.registry, deploy.Options{
		Parallel: f.parallel, Smoke: f.smoke, Alias: f.alias, Pace: pace,
		Canary: f.canary, Watch: fl.watch, Clock: clock, Side: fl.side,
		StandIn:     os.Getenv("AWS_ENDPOINT_URL") != "",
		Description: "commit " + r.Commit, Tell: func(line string) { progress.Line("… " + line) }, Steps: progress.Start,
	})
	r.Alias, r.DryRun, r.Who, r.Records, r.Step = f.alias, f.dryRun, fl.who, fl.records, progress.Step
	plan, err := r.Preflight(cmd.Context(), releaser)
	if err != nil {
		return storyError{err, exitFailed}
	}
	for _, result := range plan.Results() {
		if result.Warning != "" {
			warn(cmd, []string{fmt.Sprintf("%s (%s): %s", result.Lambda, result.Image, result.Warning)})
		}
	}
	if err := r.Nothing(plan); err != nil {
		return err
	}
	if r.Kind == history.Deploy && !f.older {
		if err := onlyForward(cmd, c.Root, fl, r, plan); err != nil {
			return err
		}
	}
	made, err := r.Run(cmd.Context(), releaser, plan)
	var back *deploy.RolledBack
	switch {
	case errors.As(err, &back):
		err = storyError{err, exitRolledBack}
	case err != nil:
		err = storyError{err, exitFailed}
	}
	return errors.Join(err, a.print(cmd, made, made.Table))
}

// events reads how every target is called with its test event.
func events(c *catalog.Catalog, targets []deploy.Target) error {
	functions := map[string]catalog.Function{}
	for _, f := range c.Functions {
		functions[f.Image] = f
	}
	var errs []error
	for n, t := range targets {
		of, err := functions[t.Image], error(nil)
		targets[n].Qualifier, targets[n].Tenant = of.Invoke.Qualifier, of.Invoke.Tenant
		if targets[n].Event, err = catalog.ReadFile(c.Root, of.Folder+"/"+testEvent); err != nil {
			errs = append(errs, fmt.Errorf("--smoke: read the test event of %s: %w", t.Image, err))
		}
	}
	return errors.Join(errs...)
}

// open connects to AWS and the registry, and reads the earlier releases.
func (f *releaseFlags) open(ctx context.Context, c *catalog.Catalog) (*fleet, history.Releases, error) {
	fl, err := f.fleet.open(ctx, c)
	if err != nil {
		return nil, nil, err
	}
	releases, err := fl.records.Releases(ctx)
	return fl, releases, err
}
