package deploy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/publish/reference"
)

// step is the update of one function to its target.
type step struct {
	result Result
	// before is the function before the first call, and back the URI of the image to roll
	// back to.
	before Function
	back   string
	// revision is the last one that was read.
	revision string
	// changes is true if the function is updated, and movesAlias if the alias has to be
	// moved to the image.
	changes, movesAlias bool
	// alias is the alias before the release; without a version if it did not exist.
	alias Alias
	// led is where this release made the alias lead, or asked for it.
	led []Alias
	// asked is set before the first update call, and accepted once Lambda may have
	// carried one out.
	asked, accepted bool
}

// Plan is what a release will do. Every function was checked for it.
type Plan struct {
	steps []*step
}

// Results returns the state of every function, in the order of the targets.
func (p *Plan) Results() []Result {
	results := make([]Result, len(p.steps))
	for n, s := range p.steps {
		results[n] = s.result
	}
	return results
}

// Changes tells whether the release updates a function or moves an alias.
func (p *Plan) Changes() bool {
	return slices.ContainsFunc(p.steps, func(s *step) bool { return s.changes || s.movesAlias })
}

// Preflight checks every function and every image, and changes nothing. Its error names
// everything that prevents the release.
func (r *Releaser) Preflight(ctx context.Context, targets []Target) (*Plan, error) {
	p := &Plan{steps: make([]*step, len(targets))}
	errs := make([]error, len(targets))
	err := r.each(ctx, len(targets), func(ctx context.Context, n int) error {
		p.steps[n] = &step{result: Result{Target: targets[n], State: Planned}}
		if errs[n] = r.preflight(ctx, p.steps[n]); errs[n] != nil {
			errs[n] = fmt.Errorf("%s (%s): %w", targets[n].Lambda, targets[n].Image, errs[n])
		}
		return nil // go on with the others
	})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w; no function was changed", errInterrupted)
	}
	if err = errors.Join(append(errs, err)...); err == nil && r.o.Canary.Share > 0 {
		err = r.preflightCanary(ctx, p)
	}
	if err != nil {
		return nil, fmt.Errorf("%w\nno function was changed", err)
	}
	return p, nil
}

func (r *Releaser) preflight(ctx context.Context, s *step) error {
	t := s.result.Target
	f, err := r.Settle(ctx, t.Lambda, "")
	switch {
	case errors.Is(err, ErrMissing):
		return fmt.Errorf("the function does not exist; create it once, with package type Image, or correct `lambda` in its image.json: %w", err)
	case errors.Is(err, ErrDenied):
		return fmt.Errorf("%w; deploying needs lambda:GetFunction, lambda:UpdateFunctionCode and ecr:BatchGetImage", err)
	case err != nil:
		return err
	case f.PackageType != packageImage:
		return fmt.Errorf("the function's package type is %s, which cannot be changed; delete the function and create it again with package type Image", f.PackageType)
	}
	s.before, s.revision, s.result.Before, s.result.Now = f, f.Revision, f.Digest, f.Digest
	if err := checkPlace(t.Repository, f.Region); err != nil && !r.o.StandIn {
		return err
	}
	built, err := r.architecture(ctx, t)
	switch {
	case err != nil:
		return err
	case built != f.Architecture:
		return fmt.Errorf("the function is for %s and the image for %s; publish it for the function, under another commit or with --force: bin/ci publish --platform %s", f.Architecture, built, platformOf(f.Architecture))
	}
	s.result.Platform = platformOf(built)
	s.changes = f.Digest != t.Digest || f.Failed() != ""
	if err := r.planRollback(ctx, s); err != nil {
		return err
	}
	if r.o.Alias != "" {
		if err := r.readAlias(ctx, s); err != nil {
			return err
		}
	}
	if !s.changes {
		if !s.movesAlias {
			s.result.State = Unchanged
		}
		return nil
	}
	return r.dryRun(ctx, s)
}

// planRollback finds the image that the function would be rolled back to, and warns if
// there is none.
func (r *Releaser) planRollback(ctx context.Context, s *step) error {
	t := s.result.Target
	s.back = t.uri(s.before.Digest)
	if s.before.Digest == "" {
		s.result.Warning = "it is unknown which image it runs, so it cannot be rolled back if the release fails"
		return nil
	}
	_, ok, err := r.images.Digest(ctx, t.Repository, s.before.Digest)
	if err != nil {
		return err
	}
	if repository, _, found := strings.Cut(s.before.Image, "@"); !ok && found && repository != reference.ForLambda(t.Repository) {
		s.back = s.before.Image // in another repository; Lambda checks that it is there
		return nil
	}
	if !ok && s.changes {
		s.result.Warning = fmt.Sprintf("the image that it runs, %s, is gone from %s: it cannot be rolled back if the release fails", Short(s.before.Digest), t.Repository)
	}
	return nil
}

// dryRun asks Lambda whether it would accept the update.
func (r *Releaser) dryRun(ctx context.Context, s *step) error {
	t := s.result.Target
	return r.untilPassed(ctx, r.o.Pace.Settle, func(ctx context.Context) error {
		err := r.lambda.Update(ctx, Update{Function: t.Lambda, URI: t.uri(t.Digest), Revision: s.revision, DryRun: true, Publish: s.before.Instances})
		switch {
		case errors.Is(err, ErrDenied):
			return fmt.Errorf("%w; deploying needs lambda:UpdateFunctionCode", err)
		case errors.Is(err, ErrRevision), errors.Is(err, ErrConflict):
			return nil // the update itself waits for this
		default:
			return err
		}
	})
}

// readAlias finds out whether the alias leads all calls to the image of the target.
func (r *Releaser) readAlias(ctx context.Context, s *step) error {
	name := s.result.Lambda
	return r.untilPassed(ctx, r.o.Pace.Settle, func(ctx context.Context) error {
		a, err := r.lambda.Alias(ctx, name, r.o.Alias)
		if errors.Is(err, ErrMissing) {
			s.movesAlias = true
			return nil
		}
		if err != nil {
			return err
		}
		// Not by the alias: with weights, Lambda does not say of which version it answers.
		named, err := r.lambda.Function(ctx, name, a.Version)
		if err != nil {
			return err
		}
		s.alias, s.result.AliasBefore = a, a.Version
		right := named.Digest == s.result.Digest
		if s.movesAlias = !right || len(a.Weights) > 0; right && s.movesAlias {
			s.result.Version = a.Version // only the weights are wrong
		}
		return r.checkCanary(s)
	})
}

// each calls do for 0 to count-1, a limited number at a time, and returns the first error.
// After an error, or when ctx ends, it starts no more calls. An error does not cancel the
// calls that are running; only ctx does.
func (r *Releaser) each(ctx context.Context, count int, do func(ctx context.Context, n int) error) error {
	var g errgroup.Group
	g.SetLimit(r.o.Parallel)
	var failed atomic.Bool
	for n := range count {
		g.Go(func() error {
			if failed.Load() || ctx.Err() != nil {
				return ctx.Err()
			}
			err := do(ctx, n)
			if err != nil {
				failed.Store(true)
			}
			return err
		})
	}
	return g.Wait()
}
