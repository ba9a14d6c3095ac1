package deploy

import (
	"context"
	"errors"
	"fmt"
)

// Run carries the plan out. The error is nil when every function runs its target,
// a [*RolledBack] when all run again what they ran before, and a [*Mixed] when some
// could not be put back. When ctx ends, what is under way is awaited; then the
// release is finished if every function was updated, and undone if not.
func (r *Releaser) Run(ctx context.Context, p *Plan) ([]Result, error) {
	told := context.AfterFunc(ctx, func() {
		r.o.Tell("interrupted: waiting for the updates that are under way; then the release is finished if all were made, and undone if not")
	})
	defer told()
	err := r.forward(ctx, p)
	if err == nil {
		return p.Results(), nil
	}
	r.o.Tell("the release failed; putting back what was updated")
	return r.putBack(context.WithoutCancel(ctx), p, err)
}

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
			return errInterrupted // not all were tried
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
		// What is under way is not left alone, whatever happens.
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

// eachStep calls do for the steps that are meant, and joins what went wrong.
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
