package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run carries out the plan. The error is nil if every function runs its target, a
// [*RolledBack] if all functions run the same image as before, and a [*Mixed] if some
// could not be rolled back. When ctx ends, Run waits for the updates that are running;
// then it finishes the release if every function was updated, and rolls back if not.
func (r *Releaser) Run(ctx context.Context, p *Plan) ([]Result, error) {
	stop := context.AfterFunc(ctx, func() {
		if r.o.Canary.Share > 0 {
			r.o.Tell("interrupted: waiting for the running updates; then the release is rolled back, unless its canary has passed")
			return
		}
		r.o.Tell("interrupted: waiting for the running updates; then the release is finished if all functions were updated, and rolled back if not")
	})
	defer stop()
	err := r.forward(ctx, p)
	if err == nil {
		return p.Results(), nil
	}
	r.o.Tell("the release failed; rolling back the updated functions")
	return r.rollBack(context.WithoutCancel(ctx), p, err)
}

// forward makes the release, and stops at the first failure.
func (r *Releaser) forward(ctx context.Context, p *Plan) error {
	if err := r.updateAll(ctx, p); err != nil {
		return err
	}
	if r.o.Smoke {
		err := r.eachStep(ctx, p, "deploy", func(s *step) bool { return s.changes }, r.smoke)
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return errInterrupted // some functions were not called
		}
	}
	if r.o.Alias != "" {
		return r.moveAliases(ctx, p)
	}
	return nil
}

// updateAll updates the functions that change.
func (r *Releaser) updateAll(ctx context.Context, p *Plan) error {
	err := r.eachStep(ctx, p, "deploy", func(s *step) bool { return s.changes }, func(ctx context.Context, s *step) error {
		// A started update is always waited for, also after an interrupt.
		if err := r.update(context.WithoutCancel(ctx), s); err != nil {
			return err
		}
		s.result.State = Updated
		r.o.Tell(fmt.Sprintf("%s runs %s now", s.result.Lambda, Short(s.result.Digest)))
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range p.steps {
		if s.changes && s.result.State != Updated {
			return errInterrupted
		}
	}
	return nil
}

// eachStep calls do for the steps that are meant, and joins the errors.
func (r *Releaser) eachStep(ctx context.Context, p *Plan, verb string, meant func(*step) bool, do func(context.Context, *step) error) error {
	errs := make([]error, len(p.steps))
	first := r.each(ctx, len(p.steps), func(ctx context.Context, n int) error {
		s := p.steps[n]
		if !meant(s) {
			return nil
		}
		err := do(ctx, s)
		switch {
		case errors.Is(err, errInterrupted):
			errs[n] = err
		case err != nil:
			s.result.Error = err.Error()
			errs[n] = fmt.Errorf("%s %s (%s): %w", verb, s.result.Image, s.result.Lambda, err)
		}
		return err
	})
	switch all := errors.Join(errs...); {
	case all != nil:
		return all
	case first != nil && ctx.Err() == nil:
		return first
	default:
		return nil
	}
}

// staleReads is how often a function may be read with its former image after an update
// succeeded: Lambda may answer a read with an older state.
const staleReads = 3

// pause waits, each time longer than before, or until ctx ends.
func (r *Releaser) pause(ctx context.Context, wait *time.Duration) error {
	if *wait == 0 {
		*wait = r.o.Pace.Poll
	}
	t := time.NewTimer(*wait)
	defer t.Stop()
	*wait = min(2**wait, r.o.Pace.PollLongest)
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Settle waits until Lambda has finished all changes of the function, at most as long as
// the pace allows, and returns the function.
func (r *Releaser) Settle(ctx context.Context, name, qualifier string) (Function, error) {
	bound, cancel := context.WithTimeout(ctx, r.o.Pace.Settle)
	defer cancel()
	var wait time.Duration
	for {
		f, err := r.lambda.Function(bound, name, qualifier)
		switch {
		case err == nil && f.Settled():
			return f, nil
		case err != nil && !errors.Is(err, ErrPassing) && bound.Err() == nil:
			return Function{}, err
		}
		if r.pause(bound, &wait) == nil {
			continue
		}
		switch {
		case ctx.Err() != nil:
			return Function{}, context.Cause(ctx)
		case err != nil:
			return Function{}, fmt.Errorf("read the function for %s: %w", r.o.Pace.Settle, err)
		default:
			return Function{}, fmt.Errorf("waited %s: State is still %s and LastUpdateStatus %s", r.o.Pace.Settle, f.State, f.Update)
		}
	}
}

// update makes the function run its target and waits until it does.
func (r *Releaser) update(ctx context.Context, s *step) error {
	start := time.Now()
	defer func() { s.result.Seconds = time.Since(start).Seconds() }()
	t := s.result.Target
	s.asked = true
	done, err := r.ask(ctx, s)
	if err != nil || done {
		return err
	}
	var wait time.Duration
	for read := 1; ; read++ {
		f, err := r.Settle(ctx, t.Lambda, "")
		if err != nil {
			return err
		}
		s.revision, s.result.Now = f.Revision, f.Digest
		switch why := f.Failed(); {
		case why != "":
			return errors.New(why)
		case f.Digest == t.Digest:
			return nil
		case read >= staleReads:
			return fmt.Errorf("the update succeeded, but the function runs %s; another deployment updates it too", Short(f.Digest))
		}
		if err := r.pause(ctx, &wait); err != nil {
			return err
		}
	}
}

// ask makes the update call, and retries it while another change is running. Lambda may
// carry out a call although its answer is lost, so ask reads the function after each
// failure. done is true if the function runs the target already.
func (r *Releaser) ask(ctx context.Context, s *step) (done bool, err error) {
	t := s.result.Target
	bound, cancel := context.WithTimeout(ctx, r.o.Pace.Settle)
	defer cancel()
	var wait time.Duration
	for {
		err := r.lambda.Update(bound, Update{Function: t.Lambda, URI: t.uri(t.Digest), Revision: s.revision, Publish: s.before.Instances})
		if err == nil {
			s.accepted = true
			return false, nil
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrRevision) && !errors.Is(err, ErrPassing) {
			return false, err
		}
		if r.pause(bound, &wait) != nil {
			return false, fmt.Errorf("gave up after %s: %w", r.o.Pace.Settle, err)
		}
		f, readErr := r.Settle(bound, t.Lambda, "")
		if readErr != nil {
			return false, fmt.Errorf("%w; then %w", err, readErr)
		}
		s.revision, s.result.Now = f.Revision, f.Digest
		switch {
		case f.Digest == t.Digest && f.Failed() == "":
			s.accepted = true // the answer was lost, or somebody else made the same update
			return true, nil
		case f.Digest == t.Digest:
			s.accepted = true
			return false, errors.New(f.Failed())
		case f.Digest != s.before.Digest:
			return false, fmt.Errorf("another deployment has changed it to %s", Short(f.Digest))
		}
	}
}

// latest is the version that an update changes. A durable function is called by a version only.
// https://docs.aws.amazon.com/lambda/latest/dg/durable-functions.html
const latest = "$LATEST"

// smoke calls the function with its test event.
func (r *Releaser) smoke(ctx context.Context, s *step) error {
	bound, cancel := context.WithTimeout(ctx, r.o.Pace.Smoke)
	defer cancel()
	call := Call{Function: s.result.Lambda, Qualifier: s.result.Qualifier, Tenant: s.result.Tenant, Event: s.result.Event}
	if call.Qualifier == "" && s.before.Durable {
		call.Qualifier = latest
	}
	answer, err := r.lambda.Invoke(bound, call)
	switch {
	case err != nil && ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return fmt.Errorf("call it with its test event: %w", err)
	case answer.Error != "":
		return fmt.Errorf("it answered its test event with the error %s: %.300s", answer.Error, answer.Payload)
	}
	r.o.Tell(fmt.Sprintf("%s answered its test event", s.result.Lambda))
	return nil
}
