package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// moveAliases publishes a version of every function whose alias does not name its image.
// When all versions exist, it moves the aliases.
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
		r.o.Tell(fmt.Sprintf("%s: alias %s names version %s now", s.result.Lambda, r.o.Alias, s.result.Version))
		return nil
	})
}

// publishVersion makes a version of the function with its new image.
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
			return fmt.Errorf("another deployment has changed it to %s", Short(f.Digest))
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

// moveAlias moves the alias to the version. Lambda may carry out a call although its
// answer is lost, so moveAlias reads the alias after each failure.
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
		now, readErr := r.lambda.Alias(ctx, name, r.o.Alias)
		switch {
		case readErr == nil && now.Version == a.Version:
			return nil
		case readErr == nil && now.Version != s.alias.Version:
			return fmt.Errorf("another deployment has moved it to version %s", now.Version)
		case readErr == nil:
			a.Revision = now.Revision
		}
		return err
	})
}

// rollBackAlias moves the alias back to its former version, or deletes it if it did not
// exist before.
func (r *Releaser) rollBackAlias(ctx context.Context, s *step) {
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
			return fmt.Errorf("another deployment has moved the alias to version %s, so it was not changed", now.Version)
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

// untilPassed calls do again while its failures are temporary, for a limited time.
func (r *Releaser) untilPassed(ctx context.Context, limit time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	var wait time.Duration
	for {
		err := do(ctx)
		passing := errors.Is(err, ErrConflict) || errors.Is(err, ErrRevision) || errors.Is(err, ErrPassing)
		if err == nil || !passing {
			return err
		}
		if r.pause(ctx, &wait) != nil {
			return fmt.Errorf("gave up after %s: %w", limit, err)
		}
	}
}
