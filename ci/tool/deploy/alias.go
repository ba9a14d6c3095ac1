package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// moveAliases publishes a version of every function whose alias does not name its
// image; when all versions are there, it moves the aliases.
func (r *Releaser) moveAliases(ctx context.Context, p *Plan) error {
	meant := func(s *step) bool { return s.movesAlias }
	if err := r.eachStep(ctx, p, "publish a version of", meant, r.publishVersion); err != nil {
		return err
	}
	return r.eachStep(ctx, p, "move the alias of", meant, func(ctx context.Context, s *step) error {
		s.aliasAsked = true
		if err := r.moveAlias(ctx, s); err != nil {
			return err
		}
		s.result.State = Updated
		r.o.Tell(fmt.Sprintf("%s: %s is version %s now", s.result.Lambda, r.o.Alias, s.result.Version))
		return nil
	})
}

// publishVersion makes a version of what the function runs.
func (r *Releaser) publishVersion(ctx context.Context, s *step) error {
	bound, cancel := context.WithTimeout(ctx, r.o.Pace.Settle)
	defer cancel()
	var wait time.Duration
	for {
		version, err := r.lambda.Publish(bound, s.result.Lambda, s.revision, r.o.Description)
		if err == nil {
			s.result.Version = version
			break
		}
		if !errors.Is(err, ErrConflict) && !errors.Is(err, ErrRevision) && !errors.Is(err, ErrPassing) || r.pause(bound, &wait) != nil {
			return err
		}
		f, err := r.settle(bound, s.result.Lambda, "")
		switch {
		case err != nil:
			return err
		case f.Digest != s.result.Digest:
			return fmt.Errorf("another deployment made it run %s meanwhile", Short(f.Digest))
		}
		s.revision = f.Revision
	}
	f, err := r.settle(bound, s.result.Lambda, s.result.Version)
	switch {
	case err != nil:
		return err
	case f.Failed() != "":
		return fmt.Errorf("version %s: %s", s.result.Version, f.Failed())
	case f.Digest != s.result.Digest:
		return fmt.Errorf("version %s runs %s", s.result.Version, Short(f.Digest))
	}
	return nil
}

// moveAlias makes the alias name the version. An answer may be lost, so after a
// failure it looks.
func (r *Releaser) moveAlias(ctx context.Context, s *step) error {
	name, a := s.result.Lambda, Alias{Name: r.o.Alias, Version: s.result.Version, Revision: s.alias.Revision}
	return r.untilPassed(ctx, r.o.Pace.Settle, func(ctx context.Context) error {
		var err error
		if s.alias.Version == "" {
			err = r.lambda.CreateAlias(ctx, name, a)
		} else {
			err = r.lambda.UpdateAlias(ctx, name, a)
		}
		if err == nil {
			return nil
		}
		now, looked := r.lambda.Alias(ctx, name, r.o.Alias)
		switch {
		case looked == nil && now.Version == a.Version:
			return nil
		case looked == nil && now.Version != s.alias.Version:
			return fmt.Errorf("another deployment made it version %s meanwhile", now.Version)
		case looked == nil:
			a.Revision = now.Revision
		}
		return err
	})
}

// aliasBack makes the alias name what it named, or takes it away if it was not
// there.
func (r *Releaser) aliasBack(ctx context.Context, s *step) {
	name := s.result.Lambda
	err := r.untilPassed(ctx, r.o.Pace.Revert, func(ctx context.Context) error {
		now, err := r.lambda.Alias(ctx, name, r.o.Alias)
		switch {
		case errors.Is(err, ErrMissing) && s.alias.Version == "":
			return nil
		case err != nil:
			return err
		case now.Version == s.alias.Version:
			return nil
		case now.Version != s.result.Version:
			return fmt.Errorf("another deployment made the alias version %s meanwhile, so it was left alone", now.Version)
		case s.alias.Version == "":
			return r.lambda.DeleteAlias(ctx, name, r.o.Alias)
		default:
			return r.lambda.UpdateAlias(ctx, name, Alias{Name: r.o.Alias, Version: s.alias.Version, Revision: now.Revision})
		}
	})
	if err == nil {
		if s.result.State == Updated {
			s.result.State = Restored
		}
		return
	}
	fix := fmt.Sprintf("aws lambda update-alias --region %s --function-name %s --name %s --function-version %s", s.before.Region, name, r.o.Alias, s.alias.Version)
	if s.alias.Version == "" {
		fix = fmt.Sprintf("aws lambda delete-alias --region %s --function-name %s --name %s", s.before.Region, name, r.o.Alias)
	}
	s.stuck(fmt.Sprintf("the alias %s: %v", r.o.Alias, err), fix)
}

// untilPassed calls do again as long as it fails for a passing reason and the time
// is not up.
func (r *Releaser) untilPassed(ctx context.Context, bound time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, bound)
	defer cancel()
	var wait time.Duration
	for {
		err := do(ctx)
		passing := errors.Is(err, ErrConflict) || errors.Is(err, ErrRevision) || errors.Is(err, ErrPassing)
		if err == nil || !passing {
			return err
		}
		if r.pause(ctx, &wait) != nil {
			return fmt.Errorf("gave up after %s: %w", bound, err)
		}
	}
}
