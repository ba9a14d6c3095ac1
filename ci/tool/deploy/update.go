package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// staleReads is how often a function may be read with its former image after an
// update succeeded: reads of Lambda may lag behind writes.
const staleReads = 3

// pause waits, longer each time, until ctx ends.
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

// settle waits until no change of the function is under way, at most as long as
// the pace allows, and returns the function.
func (r *Releaser) settle(ctx context.Context, name, qualifier string) (Function, error) {
	bound, cancel := context.WithTimeout(ctx, r.o.Pace.Settle)
	defer cancel()
	var wait time.Duration
	for {
		f, err := r.lambda.Function(bound, name, qualifier)
		switch {
		case err == nil && f.settled():
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
			return Function{}, fmt.Errorf("look at the function for %s: %w", r.o.Pace.Settle, err)
		default:
			return Function{}, fmt.Errorf("waited %s: State is %s and LastUpdateStatus %s still", r.o.Pace.Settle, f.State, f.Update)
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
		f, err := r.settle(ctx, t.Lambda, "")
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
			return fmt.Errorf("the update succeeded, but the function runs %s; another deployment is at work", Short(f.Digest))
		}
		if err := r.pause(ctx, &wait); err != nil {
			return err
		}
	}
}

// ask makes the update call, and waits for what is in its way. An answer may be
// lost although the call was carried out, so after each failure it looks. done
// tells that the function runs the target already.
func (r *Releaser) ask(ctx context.Context, s *step) (done bool, err error) {
	t := s.result.Target
	bound, cancel := context.WithTimeout(ctx, r.o.Pace.Settle)
	defer cancel()
	var wait time.Duration
	for {
		err := r.lambda.Update(bound, Update{Function: t.Lambda, URI: t.uri(t.Digest), Revision: s.revision})
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
		f, looked := r.settle(bound, t.Lambda, "")
		if looked != nil {
			return false, fmt.Errorf("%w; then %w", err, looked)
		}
		s.revision, s.result.Now = f.Revision, f.Digest
		switch {
		case f.Digest == t.Digest && f.Failed() == "":
			s.accepted = true // the answer was lost, or another did the same
			return true, nil
		case f.Digest == t.Digest:
			s.accepted = true
			return false, errors.New(f.Failed())
		case f.Digest != s.before.Digest:
			return false, fmt.Errorf("another deployment made it run %s meanwhile", Short(f.Digest))
		}
	}
}

// smoke calls the function with its event.
func (r *Releaser) smoke(ctx context.Context, s *step) error {
	bound, cancel := context.WithTimeout(ctx, r.o.Pace.Smoke)
	defer cancel()
	answer, err := r.lambda.Invoke(bound, s.result.Lambda, "", s.result.Event)
	switch {
	case err != nil && ctx.Err() != nil:
		return errInterrupted
	case err != nil:
		return fmt.Errorf("try it with its test event: %w", err)
	case answer.Error != "":
		return fmt.Errorf("it was tried with its test event and reported %s: %.300s", answer.Error, answer.Payload)
	}
	r.o.Tell(fmt.Sprintf("%s answered its test event", s.result.Lambda))
	return nil
}
