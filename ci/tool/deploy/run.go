package deploy

import (
	"context"
	"errors"
	"fmt"
)

// Run carries out the plan. The error is nil if every function runs its target, a
// [*RolledBack] if all functions run the same image as before, and a [*Mixed] if some
// could not be rolled back. When ctx ends, Run waits for the updates that are running;
// then it finishes the release if every function was updated, and rolls back if not.
func (r *Releaser) Run(ctx context.Context, p *Plan) ([]Result, error) {
	stop := context.AfterFunc(ctx, func() {
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
		return r.moveAliases(context.WithoutCancel(ctx), p)
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
