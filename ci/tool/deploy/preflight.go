package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
)

// step is one function on its way to its target.
type step struct {
	result Result
	// before is the function before the first call, and back the URI that brings it
	// there again.
	before Function
	back   string
	// revision is the last one that was seen.
	revision string
	// changes is set for a function that is to be updated, and movesAlias for one
	// whose alias does not name the image.
	changes, movesAlias bool
	// alias is what the alias was; without a version if there was none.
	alias Alias
	// asked is set before the first update call, and accepted when one may have
	// been carried out.
	asked, accepted bool
	aliasAsked      bool
}

// Plan is what a release will do, after every function was looked at.
type Plan struct {
	steps []*step
}

// Results tells of every function, in the order of the targets.
func (p *Plan) Results() []Result {
	results := make([]Result, len(p.steps))
	for n, s := range p.steps {
		results[n] = s.result
	}
	return results
}

// Changes counts the functions that are to be updated.
func (p *Plan) Changes() int {
	count := 0
	for _, s := range p.steps {
		if s.changes {
			count++
		}
	}
	return count
}

// Preflight looks at every function and every image, and changes nothing. Its
// error joins all that stands in the way of the release.
func (r *Releaser) Preflight(ctx context.Context, targets []Target) (*Plan, error) {
	p := &Plan{steps: make([]*step, len(targets))}
	errs := make([]error, len(targets))
	err := r.each(ctx, len(targets), func(ctx context.Context, n int) error {
		p.steps[n] = &step{result: Result{Target: targets[n], State: Planned}}
		if errs[n] = r.preflight(ctx, p.steps[n]); errs[n] != nil {
			errs[n] = fmt.Errorf("%s (%s): %w", targets[n].Lambda, targets[n].Image, errs[n])
		}
		return nil // all are looked at
	})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%w; no function was touched", errInterrupted)
	}
	if err := errors.Join(append(errs, err)...); err != nil {
		return nil, fmt.Errorf("%w\nno function was touched", err)
	}
	return p, nil
}

func (r *Releaser) preflight(ctx context.Context, s *step) error {
	t := s.result.Target
	f, err := r.settle(ctx, t.Lambda, "")
	switch {
	case errors.Is(err, ErrMissing):
		return fmt.Errorf("the function does not exist; make it once, with package type Image, or correct `lambda` in its image.json: %w", err)
	case errors.Is(err, ErrDenied):
		return fmt.Errorf("%w; deploying needs lambda:GetFunction, lambda:UpdateFunctionCode and ecr:BatchGetImage", err)
	case err != nil:
		return err
	case f.PackageType != packageImage:
		return fmt.Errorf("the function's package type is %s, which cannot be changed; delete it and make it anew with package type Image", f.PackageType)
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
		return fmt.Errorf("the function is for %s and the image for %s; build it for the function's with --platform", f.Architecture, built)
	}
	s.changes = f.Digest != t.Digest || f.Failed() != ""
	if err := r.wayBack(ctx, s); err != nil {
		return err
	}
	if r.o.Alias != "" {
		if err := r.lookAtAlias(ctx, s); err != nil {
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

// wayBack finds out what brings the function back to what it runs, and warns when
// nothing does.
func (r *Releaser) wayBack(ctx context.Context, s *step) error {
	t := s.result.Target
	s.back = t.uri(s.before.Digest)
	if s.before.Digest == "" {
		s.result.Warning = "it is not known what it runs, so it cannot be put back if the release fails"
		return nil
	}
	_, ok, err := r.images.Digest(ctx, t.Repository, s.before.Digest)
	if err != nil {
		return err
	}
	if repository, _, found := strings.Cut(s.before.Image, "@"); !ok && found && repository != t.Repository {
		s.back = s.before.Image // elsewhere; Lambda will know
		return nil
	}
	if !ok && s.changes {
		s.result.Warning = fmt.Sprintf("the image that it runs, %s, is gone from %s: it cannot be put back if the release fails", Short(s.before.Digest), t.Repository)
	}
	return nil
}

// dryRun asks Lambda whether it would do the update.
func (r *Releaser) dryRun(ctx context.Context, s *step) error {
	t := s.result.Target
	err := r.lambda.Update(ctx, Update{Function: t.Lambda, URI: t.uri(t.Digest), Revision: s.revision, DryRun: true})
	switch {
	case errors.Is(err, ErrDenied):
		return fmt.Errorf("%w; deploying needs lambda:UpdateFunctionCode", err)
	case errors.Is(err, ErrRevision), errors.Is(err, ErrConflict):
		return nil // it is waited for when its turn comes
	default:
		return err
	}
}

func (r *Releaser) lookAtAlias(ctx context.Context, s *step) error {
	name := s.result.Lambda
	a, err := r.lambda.Alias(ctx, name, r.o.Alias)
	if errors.Is(err, ErrMissing) {
		s.movesAlias = true
		return nil
	}
	if err != nil {
		return err
	}
	named, err := r.lambda.Function(ctx, name, r.o.Alias)
	if err != nil {
		return err
	}
	s.alias, s.result.AliasBefore = a, a.Version
	s.movesAlias = named.Digest != s.result.Digest
	return nil
}

// each calls do for 0 to count-1, a bounded number at a time, and returns the
// first error. After that, or when ctx ends, it begins no other; those under way
// see ctx only.
func (r *Releaser) each(ctx context.Context, count int, do func(ctx context.Context, n int) error) error {
	var g errgroup.Group
	g.SetLimit(r.o.Parallel)
	var mu sync.Mutex
	failed := false
	for n := range count {
		g.Go(func() error {
			mu.Lock()
			stop := failed
			mu.Unlock()
			if stop || ctx.Err() != nil {
				return ctx.Err()
			}
			err := do(ctx, n)
			mu.Lock()
			defer mu.Unlock()
			failed = failed || err != nil
			return err
		})
	}
	return g.Wait()
}
