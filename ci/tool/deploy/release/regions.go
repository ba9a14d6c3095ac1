package release

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/report/regionerr"
)

// Part is the release in one region: its functions were checked, and none was changed.
type Part struct {
	Region   string
	Release  *Release
	Releaser *deploy.Releaser
	Plan     *deploy.Plan
}

// Options say how a release in several regions is made.
type Options struct {
	// AllOrNone rolls back the regions that are done if a later one fails.
	AllOrNone bool
	// Flags are those that the commands to type next need besides --region.
	Flags string
}

// Regional is what a release did in one region.
type Regional struct {
	Region string `json:"region"`
	*Report
}

// Regions is what a release did in several regions, in the order in which it was made.
type Regions struct {
	DryRun bool `json:"dryRun,omitempty"`
	// Outcome is done, rolled-back, partly, or mixed: rolled-back if every function of every region
	// runs the same image as before, partly if some regions are done, and mixed if a function
	// could not be rolled back.
	Outcome string     `json:"outcome"`
	Regions []Regional `json:"regions"`
	// Next says which regions are done, and what to type.
	Next    string  `json:"next,omitempty"`
	Error   string  `json:"error,omitempty"`
	Seconds float64 `json:"seconds"`
}

const (
	outcomeNone   = "not-begun"
	outcomePartly = "partly"
)

// RolledBack tells whether every function of every region runs the same image as before a release
// that failed.
func (r *Regions) RolledBack() bool { return r.Outcome == outcomeBack }

// RunAll makes the release in each region, one after another. Once a region has failed, or ctx has
// ended, it begins no other. The regions that are done stay as they are, unless o.AllOrNone is set:
// then their live tags and records are written when all are done, or they are rolled back.
func RunAll(ctx context.Context, parts []Part, o Options) (*Regions, error) {
	start := time.Now()
	all := &Regions{DryRun: parts[0].Release.DryRun}
	for _, p := range parts {
		all.Regions = append(all.Regions, Regional{p.Region, p.Release.report(outcomeNone, untouched(p.Plan))})
	}
	err := all.forward(ctx, parts, o.AllOrNone)
	if o.AllOrNone {
		if err == nil {
			err = all.finish(ctx, parts)
		} else {
			err = errors.Join(err, all.undo(ctx, parts))
		}
	}
	all.Seconds = time.Since(start).Seconds()
	all.judge(parts, o.Flags, err)
	return all, err
}

// untouched are the functions of a region that was not begun.
func untouched(p *deploy.Plan) []deploy.Result {
	results := p.Results()
	for n := range results {
		if results[n].State == deploy.Planned {
			results[n].State = deploy.Untouched
		}
	}
	return results
}

// forward makes the release in one region after another, until one fails.
func (r *Regions) forward(ctx context.Context, parts []Part, allOrNone bool) error {
	for n, p := range parts {
		if n > 0 && ctx.Err() != nil {
			return fmt.Errorf("interrupted before %s was begun", p.Region)
		}
		p.Release.started = time.Now() // the other regions have taken theirs since the check
		var err error
		if r.Regions[n].Report, err = p.Release.Update(ctx, p.Releaser, p.Plan); err == nil && !allOrNone {
			err = p.Release.Finish(ctx, p.Releaser, r.Regions[n].Report)
		}
		if err != nil {
			return regionerr.Name(p.Region, err)
		}
	}
	return nil
}

// undo rolls back the regions that are done, the last one first.
func (r *Regions) undo(ctx context.Context, parts []Part) error {
	var errs []error
	for n, p := range slices.Backward(parts) {
		if r.Regions[n].Outcome == outcomeDone {
			cause := errors.New("rolled back too, because not all regions are done (--all-regions-or-none)")
			errs = append(errs, regionerr.Name(p.Region, p.Release.Undo(ctx, p.Releaser, p.Plan, r.Regions[n].Report, cause)))
		}
	}
	return errors.Join(errs...)
}

// finish writes the live tags and the records of all regions.
func (r *Regions) finish(ctx context.Context, parts []Part) error {
	var errs []error
	for n, p := range parts {
		errs = append(errs, regionerr.Name(p.Region, p.Release.Finish(ctx, p.Releaser, r.Regions[n].Report)))
	}
	return errors.Join(errs...)
}

// judge sums up what was done, and says what to type next.
func (r *Regions) judge(parts []Part, flags string, err error) {
	has := func(is func(Regional) bool) bool { return slices.ContainsFunc(r.Regions, is) }
	switch {
	case err == nil:
		r.Outcome = outcomeDone
		return
	case has(func(one Regional) bool { return one.Outcome == outcomeMixed }):
		r.Outcome = outcomeMixed
	case has(Regional.changed):
		r.Outcome = outcomePartly
	default:
		r.Outcome = outcomeBack
	}
	r.Error = err.Error()
	var words []string
	for _, one := range r.Regions {
		words = append(words, one.Region+" "+one.word())
	}
	r.Next = strings.Join(append([]string{strings.Join(words, ", ")}, r.commands(parts, flags)...), "; ")
}

// changed tells whether functions of the region run something else than before.
func (r Regional) changed() bool {
	return slices.ContainsFunc(r.Functions, func(f deploy.Result) bool { return f.State == deploy.Updated })
}

func (r Regional) word() string {
	if r.Outcome == outcomeDone && r.Error != "" {
		return "done, but not recorded"
	}
	return map[string]string{
		outcomeDone: "done", outcomeBack: "rolled back", outcomeMixed: "NOT ROLLED BACK", outcomeNone: "not begun",
	}[r.Outcome]
}

// commands are what to type after a failure. A rollback without --to would take the regions that
// are done to yet another release.
func (r *Regions) commands(parts []Part, flags string) []string {
	var forward, back []string
	for n, p := range parts {
		one := r.Regions[n]
		in := flags + " --region " + p.Region
		switch {
		case one.Outcome != outcomeDone || one.Error != "":
			forward = append(forward, "bin/ci rollback --to "+p.Release.Commit+in)
		case !one.changed():
		case p.Release.Kind == history.Deploy:
			back = append(back, "bin/ci rollback"+in)
		default:
			if n := len(p.Release.Releases); n > 0 {
				back = append(back, "bin/ci rollback --to "+p.Release.Releases[n-1].Commit+in)
			}
		}
	}
	var all []string
	if r.Outcome == outcomeBack {
		return []string{"every function of every region runs the same image as before, so the same command tries again"}
	}
	if r.Outcome == outcomeMixed {
		all = append(all, "first type the commands above")
	}
	if parts[0].Release.Kind == history.Deploy {
		all = append(all, "to go on, type the same command again: it changes nothing where it is done")
	} else {
		all = append(all, "to go on: "+strings.Join(forward, " && "))
	}
	if len(back) > 0 {
		all = append(all, "to take back what is done: "+strings.Join(back, " && "))
	}
	return all
}

// Table prints for every function of every region from which digest to which it went, and at the
// end which regions are done and what to type next.
func (r *Regions) Table(w io.Writer) error {
	var rows [][]string
	var platforms, lines []string
	var counts []map[deploy.State]int
	for _, one := range r.Regions {
		own, of, states := one.rows()
		platforms, counts = append(platforms, of...), append(counts, states)
		for _, row := range own {
			rows = append(rows, append([]string{one.Region}, row...))
		}
	}
	header, rows, of := report.For(append([]string{"REGION"}, header...), rows, platforms)
	for n, one := range r.Regions {
		for line := range strings.Lines(one.summary(counts[n], of)) {
			lines = append(lines, one.Region+": "+strings.TrimSuffix(line, "\n"))
		}
	}
	if r.Next != "" {
		lines = append(lines, r.Next)
	}
	if err := report.Table(w, header, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
	return err
}
