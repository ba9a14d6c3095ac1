package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"lambdas.internal/ci/tool/report"
)

// Canary says how a release tries its new versions with a share of the alias' calls before
// they get all of them.
type Canary struct {
	// Share of the calls, above 0 and below 1; 0 for none.
	Share float64
	// Bake is how long the share is watched.
	Bake time.Duration
	// Alarm is the name of a CloudWatch alarm that is watched too; "" for none.
	Alarm string
}

// Version is a version of a function, as callers of an alias reach it.
type Version struct{ Function, Alias, Version string }

// Traffic is what callers of an alias did with a version.
type Traffic struct {
	Calls  float64 `json:"calls"`
	Errors float64 `json:"errors"`
}

// String says how many calls failed.
func (t Traffic) String() string {
	if t.Calls == 0 && t.Errors == 0 {
		return "not called"
	}
	return fmt.Sprintf("%.0f of %s failed", t.Errors, report.Count(int(t.Calls), "call"))
}

// rate is the share of calls that failed. The two numbers may be of different times.
func (t Traffic) rate() float64 { return t.Errors / math.Max(1, math.Max(t.Calls, t.Errors)) }

// Alarm is a CloudWatch alarm.
type Alarm struct{ State, Reason string }

// The states of an alarm; the third is INSUFFICIENT_DATA.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html#alarm-states
const (
	alarmOK = "OK"
	alarmOn = "ALARM"
)

// Watch is the client of CloudWatch. What it cannot find out is an error.
type Watch interface {
	// Traffic returns the calls of each version since the minute of the time. A version
	// without data was not called.
	Traffic(ctx context.Context, versions []Version, since time.Time) ([]Traffic, error)
	// Alarm fails with [ErrMissing] if there is no such alarm.
	Alarm(ctx context.Context, name string) (Alarm, error)
}

// Clock tells the time and lets it pass. Sleep fails if the context ends.
type Clock struct {
	Now   func() time.Time
	Sleep func(ctx context.Context, d time.Duration) error
}

// SystemClock is the clock of this machine.
var SystemClock = Clock{Now: time.Now, Sleep: func(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}}

// latestVersion is the version of a function that an update of its code changes.
const latestVersion = "$LATEST"

// checkCanary fails if the calls of the alias cannot be split: Lambda splits them only between
// published versions.
// https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
func (r *Releaser) checkCanary(s *step) error {
	if r.o.Canary.Share > 0 && s.movesAlias && s.alias.Version == latestVersion {
		return fmt.Errorf("the alias %s names %s, whose calls Lambda cannot split; move it to a version first: deploy once without --canary", r.o.Alias, latestVersion)
	}
	return nil
}

// tries tells whether the function's new version is tried with a share of the calls: there is
// an older one for the rest.
func tries(s *step) bool {
	return s.movesAlias && s.alias.Version != "" && s.alias.Version != s.result.Version
}

// preflightCanary checks that the canary can be watched: that the metrics can be read, and that
// the alarm exists and is not on.
func (r *Releaser) preflightCanary(ctx context.Context, p *Plan) error {
	var before []Version
	moves := false
	for _, s := range p.steps {
		switch {
		case tries(s):
			before = append(before, r.version(s, s.alias.Version))
		case s.movesAlias && s.alias.Version == "":
			s.result.Warning = cmp.Or(s.result.Warning, fmt.Sprintf("it has no alias %s yet, so it has no canary: it gets the alias after the others have passed", r.o.Alias))
		}
		moves = moves || s.movesAlias
	}
	if !moves {
		return nil
	}
	if len(before) == 0 {
		return fmt.Errorf("--canary: no alias %s leads to an older version, so there are no calls to share; deploy without --canary", r.o.Alias)
	}
	if _, err := r.o.Watch.Traffic(ctx, before, r.o.Clock.Now()); err != nil {
		return fmt.Errorf("--canary: read the metrics of the functions: %w; a canary needs cloudwatch:GetMetricData", err)
	}
	if r.o.Canary.Alarm == "" {
		return nil
	}
	alarm, err := r.o.Watch.Alarm(ctx, r.o.Canary.Alarm)
	switch {
	case errors.Is(err, ErrMissing):
		return fmt.Errorf("--alarm: there is no alarm %s in the region of the functions; see: aws cloudwatch describe-alarms: %w", r.o.Canary.Alarm, err)
	case err != nil:
		return fmt.Errorf("--alarm: read the alarm %s: %w; a canary with an alarm needs cloudwatch:DescribeAlarms", r.o.Canary.Alarm, err)
	case alarm.State == alarmOn:
		return fmt.Errorf("--alarm: %s is on already (%s), so it says nothing about this release; wait until it is OK, or name another", r.o.Canary.Alarm, alarm.Reason)
	}
	return nil
}

func (r *Releaser) version(s *step, version string) Version {
	return Version{Function: s.result.Lambda, Alias: r.o.Alias, Version: version}
}

// canary leads a share of the calls of all aliases to the new versions, and watches them. The
// error says why they must not get all calls.
func (r *Releaser) canary(ctx context.Context, p *Plan) (err error) {
	c := r.o.Canary
	since := r.o.Clock.Now()
	err = r.eachStep(ctx, p, "shift the alias of", tries, func(ctx context.Context, s *step) error {
		return r.moveAlias(context.WithoutCancel(ctx), s, Alias{
			Name: r.o.Alias, Version: s.alias.Version, Weights: map[string]float64{s.result.Version: c.Share},
		})
	})
	if err != nil {
		return err
	}
	count := 0
	for _, s := range p.steps {
		if tries(s) {
			count++
		}
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	if count == 0 {
		return nil
	}
	r.o.Tell(fmt.Sprintf("%s of the calls of %s run the new versions now, for %s", Percent(c.Share), report.Count(count, "alias", "aliases"), c.Bake))
	of, done := r.o.Steps(ctx, "canary")
	defer func() { done(err) }()
	return r.bake(of, p, since)
}

// bake watches the new versions until the time is over. What is unknown at the end is a
// failure.
func (r *Releaser) bake(ctx context.Context, p *Plan, since time.Time) error {
	start := r.o.Clock.Now()
	end, next := start.Add(r.o.Canary.Bake), start.Add(r.o.Pace.Watch)
	for {
		now := r.o.Clock.Now()
		report.Doing(ctx, fmt.Sprintf("%s of the calls run the new versions, %.0f s left", Percent(r.o.Canary.Share), math.Ceil(end.Sub(now).Seconds())))
		last := !now.Before(end)
		if last || !now.Before(next) {
			next = now.Add(r.o.Pace.Watch)
			failed, unknown := r.look(ctx, p, since)
			switch {
			case failed != nil:
				return failed
			case ctx.Err() != nil:
				return errInterrupted
			case last:
				return unknown
			}
		}
		if r.o.Clock.Sleep(ctx, min(r.o.Pace.Watch, time.Second, end.Sub(now)+time.Millisecond)) != nil {
			return errInterrupted
		}
	}
}

// look reads the metrics and the alarm. failed says why a version must not get all calls,
// unknown what could not be found out.
func (r *Releaser) look(ctx context.Context, p *Plan, since time.Time) (failed, unknown error) {
	var steps []*step
	var versions []Version
	for _, s := range p.steps {
		if tries(s) {
			steps = append(steps, s)
			versions = append(versions, r.version(s, s.alias.Version), r.version(s, s.result.Version))
		}
	}
	all, err := r.o.Watch.Traffic(ctx, versions, since)
	if err != nil {
		unknown = fmt.Errorf("canary: it is unknown how the new versions behave: %w; nothing wrong was seen, but unknown is not right", err)
	} else {
		var errs []error
		for n, s := range steps {
			before, now := all[2*n], all[2*n+1]
			s.result.Canary = &now
			// Errors of the callers' making come in both versions.
			if now.Errors > 0 && now.rate() > before.rate() {
				s.result.Error = fmt.Sprintf("version %s: %s (version %s: %s)", s.result.Version, now, s.alias.Version, before)
				errs = append(errs, fmt.Errorf("canary of %s (%s): %s", s.result.Image, s.result.Lambda, s.result.Error))
			}
		}
		failed = errors.Join(errs...)
	}
	name := r.o.Canary.Alarm
	if name == "" {
		return failed, unknown
	}
	alarm, err := r.o.Watch.Alarm(ctx, name)
	switch {
	case err != nil:
		unknown = errors.Join(unknown, fmt.Errorf("canary: it is unknown what the alarm %s says: %w", name, err))
	case alarm.State == alarmOn:
		failed = errors.Join(failed, fmt.Errorf("canary: the alarm %s is on: %s", name, alarm.Reason))
	case alarm.State != alarmOK:
		unknown = errors.Join(unknown, fmt.Errorf("canary: the alarm %s is %s, so it is unknown what it says (%s); if no data is right for it, type: aws cloudwatch put-metric-alarm with --treat-missing-data notBreaching; else pass a longer --bake",
			name, alarm.State, alarm.Reason))
	}
	return failed, unknown
}
