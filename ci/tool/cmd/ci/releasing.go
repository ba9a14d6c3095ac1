//go:build !steps

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/release"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/report/regionerr"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// releaseFlags are those of deploy and rollback.
type releaseFlags struct {
	fleet  fleetFlags
	smoke  bool
	alias  string
	dryRun bool
	older  bool // for deploy: a commit that comes before the live one
	// allOrNone is for deploy in several regions.
	allOrNone bool
	parallel  int
	canary    deploy.Canary
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

// releasing is a release in one region that is to be made.
type releasing struct {
	fl *fleet
	*release.Release
}

// release makes a release, in one region after another, and prints the result. All regions are
// checked before a function of one is changed.
func (a *app) release(cmd *cobra.Command, f *releaseFlags, c *catalog.Catalog, all []releasing) error {
	var parts []release.Part
	var errs, idle []error
	for _, r := range all {
		part, err := f.prepare(cmd, c, r)
		if err == nil {
			idle = append(idle, regionerr.Name(r.fl.name, r.Nothing(part.Plan)))
		}
		parts, errs = append(parts, part), append(errs, regionerr.Name(r.fl.name, err))
		if stopped := cmd.Context().Err(); stopped != nil && len(all) > 1 {
			return cmp.Or(errors.Join(errs...), stopped)
		}
	}
	if err := f.unchanged(errs); err != nil {
		return err
	}
	if !slices.Contains(idle, nil) { // no region has something to change
		return errors.Join(idle...)
	}
	if one := parts[0]; len(parts) == 1 {
		made, err := one.Release.Run(cmd.Context(), one.Releaser, one.Plan)
		var back *deploy.RolledBack
		return errors.Join(ended(err, errors.As(err, &back)), a.print(cmd, made, made.Table))
	}
	made, err := release.RunAll(cmd.Context(), parts, release.Options{AllOrNone: f.allOrNone, Flags: all[0].fl.env})
	return errors.Join(ended(err, made.RolledBack()), a.print(cmd, made, made.Table))
}

// ended is the error of a release, with its exit code.
func ended(err error, back bool) error {
	switch {
	case err == nil:
		return nil
	case back:
		return storyError{err, exitRolledBack}
	default:
		return storyError{err, exitFailed}
	}
}

// prepare checks the functions of a region, and changes none.
func (f *releaseFlags) prepare(cmd *cobra.Command, c *catalog.Catalog, r releasing) (release.Part, error) {
	if f.smoke {
		if err := events(c, r.Targets); err != nil {
			return release.Part{}, err
		}
	}
	progress := report.NewProgress(cmd.ErrOrStderr())
	fl := r.fl
	releaser := deploy.NewReleaser(fl.lambda, fl.registry, deploy.Options{
		Parallel: f.parallel, Smoke: f.smoke, Alias: r.Alias, Pace: pace,
		Canary: f.canary, Watch: fl.watch, Clock: clock, Side: fl.side,
		StandIn:     os.Getenv("AWS_ENDPOINT_URL") != "",
		Description: "commit " + r.Commit, Tell: func(line string) { progress.Line("… " + fl.label(line)) },
		Steps: func(ctx context.Context, name string) (context.Context, func(error)) {
			return progress.Start(ctx, fl.label(name))
		},
	})
	r.DryRun, r.Who, r.Records = f.dryRun, fl.who, fl.records
	r.Step = func(name string) func(error) { return progress.Step(fl.label(name)) }
	plan, err := r.Preflight(cmd.Context(), releaser)
	if err != nil {
		return release.Part{}, storyError{err, exitFailed}
	}
	for _, result := range plan.Results() {
		if result.Warning != "" {
			fl.warn(cmd, "%s (%s): %s", result.Lambda, result.Image, result.Warning)
		}
	}
	if r.Kind == history.Deploy && !f.older {
		if err := onlyForward(cmd, c.Root, fl, r.Release, plan); err != nil {
			return release.Part{}, err
		}
	}
	return release.Part{Region: fl.name, Release: r.Release, Releaser: releaser, Plan: plan}, nil
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

// opened is the fleet of a region with its earlier releases.
type opened struct {
	*fleet
	releases history.Releases
}

// open connects to AWS and the registry in each region, and reads the earlier releases. What is
// wrong in any region is an error: a release is for all.
func (f *releaseFlags) open(cmd *cobra.Command, c *catalog.Catalog) ([]opened, error) {
	regions, err := f.fleet.each(cmd)
	if err != nil {
		return nil, err
	}
	all := make([]opened, len(regions))
	errs := read(cmd, regions, func(ctx context.Context, n int) (err error) {
		all[n], err = regions[n].opened(ctx, c)
		return err
	})
	return all, f.unchanged(errs)
}

// opened opens a region, and reads its earlier releases.
func (f *fleetFlags) opened(ctx context.Context, c *catalog.Catalog) (opened, error) {
	fl, err := f.open(ctx, c)
	if err != nil {
		return opened{}, err
	}
	releases, err := fl.records.Releases(ctx)
	return opened{fl, releases}, err
}

// inEach finds what is to be released in each region. What is wrong in any is an error.
func (f *releaseFlags) inEach(regions []opened, find func(in opened) (releasing, error)) ([]releasing, error) {
	var all []releasing
	var errs []error
	for _, in := range regions {
		r, err := find(in)
		all, errs = append(all, r), append(errs, regionerr.Name(in.name, err))
	}
	return all, f.unchanged(errs)
}

// unchanged joins the errors of the regions before a function was changed, and says how to go on
// without those that have one.
func (f *releaseFlags) unchanged(errs []error) error {
	err := errors.Join(errs...)
	if err == nil || len(errs) < 2 {
		return err
	}
	text := "no function of any region was changed"
	var fine []string
	for n, region := range f.fleet.region {
		if errs[n] == nil {
			fine = append(fine, region)
		}
	}
	if len(fine) > 0 {
		text += "; to go on without the others, type the same command with --region " + strings.Join(fine, ",")
	}
	return fmt.Errorf("%w\n%s", err, text)
}
