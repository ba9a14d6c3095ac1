package deploy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"
)

// moveAliases publishes a version of every function whose alias does not name its image.
// When all versions exist, it moves the aliases; with a canary, first for a share of the calls.
func (r *Releaser) moveAliases(ctx context.Context, p *Plan) error {
	finish := context.WithoutCancel(ctx) // an alias that is moved is always waited for
	if err := r.eachStep(finish, p, "publish a version of", movesAlias, r.publishVersion); err != nil {
		return err
	}
	if r.o.Canary.Share > 0 {
		if err := r.canary(ctx, p); err != nil {
			return err
		}
	}
	return r.eachStep(finish, p, "move the alias of", movesAlias, func(ctx context.Context, s *step) error {
		if err := r.moveAlias(ctx, s, Alias{Name: r.o.Alias, Version: s.result.Version}); err != nil {
			return err
		}
		s.result.State = Updated
		r.o.Tell(fmt.Sprintf("%s: alias %s names version %s now", s.result.Lambda, r.o.Alias, s.result.Version))
		return nil
	})
}

func movesAlias(s *step) bool { return s.movesAlias }

// publishVersion makes a version of the function with its new image, unless the alias names
// such a version.
func (r *Releaser) publishVersion(ctx context.Context, s *step) error {
	if s.result.Version != "" {
		return nil
	}
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
		f, err := r.Settle(bound, s.result.Lambda, "")
		switch {
		case err != nil:
			return err
		case f.Digest != s.result.Digest:
			return fmt.Errorf("another deployment has changed it to %s", Short(f.Digest))
		}
		s.revision = f.Revision
	}
	f, err := r.Settle(bound, s.result.Lambda, s.result.Version)
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

// moveAlias makes the alias lead where it is to. Lambda may carry out a call although its
// answer is lost, so moveAlias reads the alias after each failure.
func (r *Releaser) moveAlias(ctx context.Context, s *step, to Alias) error {
	name, from := s.result.Lambda, s.alias
	read := len(s.led) > 0 // its revision is not known
	if read {
		from = s.led[len(s.led)-1]
	}
	s.led = append(s.led, to)
	to.Revision = from.Revision
	return r.untilPassed(ctx, r.o.Pace.Settle, func(ctx context.Context) error {
		if read {
			now, err := r.lambda.Alias(ctx, name, r.o.Alias)
			switch {
			case err != nil:
				return err
			case !now.leads(from):
				return fmt.Errorf("another deployment has moved it to version %s", now.where())
			}
			read, to.Revision = false, now.Revision
		}
		var err error
		if s.alias.Version == "" {
			err = r.lambda.CreateAlias(ctx, name, to)
		} else {
			err = r.lambda.UpdateAlias(ctx, name, to)
		}
		if err == nil {
			return nil
		}
		now, readErr := r.lambda.Alias(ctx, name, r.o.Alias)
		switch {
		case readErr == nil && now.leads(to):
			return nil
		case readErr == nil && !now.leads(from):
			return fmt.Errorf("another deployment has moved it to version %s", now.where())
		case readErr == nil:
			to.Revision = now.Revision
		}
		return err
	})
}

// rollBackAlias makes the alias lead where it led before, or deletes it if it did not exist
// before.
func (r *Releaser) rollBackAlias(ctx context.Context, s *step) {
	name, changed := s.result.Lambda, s.result.State == Updated
	err := r.untilPassed(ctx, r.o.Pace.Revert, func(ctx context.Context) error {
		now, err := r.lambda.Alias(ctx, name, r.o.Alias)
		switch {
		case errors.Is(err, ErrMissing) && s.alias.Version == "":
			return nil
		case err != nil:
			return err
		case now.leads(s.alias):
			return nil
		case !slices.ContainsFunc(s.led, now.leads):
			return fmt.Errorf("another deployment has moved the alias to version %s, so it was not changed", now.where())
		}
		changed = true
		if s.alias.Version == "" {
			return r.lambda.DeleteAlias(ctx, name, r.o.Alias)
		}
		return r.lambda.UpdateAlias(ctx, name, Alias{Name: r.o.Alias, Version: s.alias.Version, Weights: s.alias.Weights, Revision: now.Revision})
	})
	if err == nil {
		if changed {
			s.result.State = Restored
		}
		return
	}
	s.stuck(fmt.Sprintf("the alias %s: %v", r.o.Alias, err), r.aliasFix(s))
}

// aliasFix is the command that makes the alias lead where it led before.
func (r *Releaser) aliasFix(s *step) string {
	name, region := s.result.Lambda, s.before.Region
	if s.alias.Version == "" {
		return fmt.Sprintf("aws lambda delete-alias --region %s --function-name %s --name %s", region, name, r.o.Alias)
	}
	weights, err := json.Marshal(s.alias.Weights)
	if err != nil || s.alias.Weights == nil {
		weights = []byte("{}")
	}
	return fmt.Sprintf("aws lambda update-alias --region %s --function-name %s --name %s --function-version %s --routing-config '{\"AdditionalVersionWeights\":%s}'",
		region, name, r.o.Alias, s.alias.Version, weights)
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
