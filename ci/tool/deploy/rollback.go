package deploy

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// rollbackTries is how often a rollback is tried that Lambda accepts and then reports as
// failed, as it does for its own faults (InternalError).
const rollbackTries = 3

// Undo rolls back all that [Releaser.Run] changed, though it succeeded: the release must not stay
// alone, because of the cause. The error is as that of Run; it is never nil.
func (r *Releaser) Undo(ctx context.Context, p *Plan, cause error) ([]Result, error) {
	return r.rollBack(context.WithoutCancel(ctx), p, cause)
}

// rollBack rolls back everything that was changed, after a failure.
func (r *Releaser) rollBack(ctx context.Context, p *Plan, failure error) ([]Result, error) {
	// The aliases first, because callers use them.
	_ = r.each(ctx, len(p.steps), func(ctx context.Context, n int) error {
		if s := p.steps[n]; len(s.led) > 0 {
			r.rollBackAlias(ctx, s)
		}
		return nil // go on with the others
	})
	count := 0
	_ = r.each(ctx, len(p.steps), func(ctx context.Context, n int) error {
		switch s := p.steps[n]; {
		case s.result.State == Stuck && s.asked: // its alias is stuck
			r.rollBackFunction(ctx, s)
			s.result.State = Stuck
		case s.asked:
			r.rollBackFunction(ctx, s)
		case s.result.State == Planned:
			s.result.State = Untouched
		}
		return nil
	})
	var stuck []Result
	for _, s := range p.steps {
		switch s.result.State {
		case Stuck:
			stuck = append(stuck, s.result)
		case Restored:
			count++
		}
	}
	if len(stuck) > 0 {
		return p.Results(), &Mixed{Cause: failure, Stuck: stuck}
	}
	return p.Results(), &RolledBack{Cause: failure, Count: count}
}

// rollBackFunction updates a function to the image that it ran before, if it does not run
// that already.
func (r *Releaser) rollBackFunction(ctx context.Context, s *step) {
	ctx, cancel := context.WithTimeout(ctx, r.o.Pace.Revert)
	defer cancel()
	name := s.result.Lambda
	var wait time.Duration
	for tries := 0; ; {
		f, err := r.Settle(ctx, name, "")
		if err != nil {
			s.stuck(err.Error(), waitFix(s)+codeFix(s))
			return
		}
		s.result.Now = f.Digest
		asBefore := f.Digest == s.before.Digest && (f.Failed() == "" || s.before.Failed() != "")
		switch {
		case asBefore && !s.accepted && tries == 0:
			s.result.State = Untouched
			return
		case asBefore:
			s.result.State = Restored
			r.o.Tell(fmt.Sprintf("%s runs %s again", name, Short(f.Digest)))
			return
		case f.Digest != s.before.Digest && f.Digest != s.result.Digest:
			s.stuck(fmt.Sprintf("another deployment has changed it to %s, so it was not changed again", Short(f.Digest)), codeFix(s))
			return
		case s.before.Digest == "":
			s.stuck("it is unknown which image it ran", "bin/ci deploy --commit COMMIT")
			return
		case tries >= rollbackTries:
			why := f.Failed()
			if why == "" {
				why = "it still runs " + Short(f.Digest)
			}
			s.stuck(fmt.Sprintf("it was rolled back %d times; %s", tries, why), codeFix(s))
			return
		}
		err = r.lambda.Update(ctx, Update{Function: name, URI: s.back, Revision: f.Revision, Publish: f.Instances})
		switch {
		case err == nil:
			tries++
		case errors.Is(err, ErrConflict), errors.Is(err, ErrRevision), errors.Is(err, ErrPassing):
		default:
			s.stuck(err.Error(), r.fix(ctx, s))
			return
		}
		if r.pause(ctx, &wait) != nil {
			if err == nil {
				err = errors.New("the rollback did not end")
			}
			s.stuck(fmt.Sprintf("gave up after %s: %v", r.o.Pace.Revert, err), waitFix(s)+codeFix(s))
			return
		}
	}
}

// stuck records why the function could not be rolled back, and which command fixes it.
func (s *step) stuck(why, fix string) {
	if s.result.Stuck != "" {
		why, fix = s.result.Stuck+"; "+why, s.result.Fix+"\n  and:  "+fix
	}
	s.result.State, s.result.Stuck, s.result.Fix = Stuck, why, fix
}

// fix returns the command to type for a function whose rollback Lambda refused.
func (r *Releaser) fix(ctx context.Context, s *step) string {
	_, ok, err := r.images.Digest(ctx, s.result.Repository, s.before.Digest)
	if err == nil && !ok && s.back == s.result.uri(s.before.Digest) {
		return fmt.Sprintf("bin/ci publish --commit COMMIT, then bin/ci deploy --commit COMMIT --only %s, for a commit that works: the image that it ran is gone from %s",
			s.result.Image, s.result.Repository)
	}
	return codeFix(s)
}

// codeFix is the command that updates the function to its former image.
func codeFix(s *step) string {
	fix := fmt.Sprintf("aws lambda update-function-code --region %s --function-name %s --image-uri %s", s.before.Region, s.result.Lambda, s.back)
	if s.before.Instances {
		fix += " --publish --publish-to " + LatestPublished
	}
	return fix
}

// waitFix is the command that waits for the running update.
func waitFix(s *step) string {
	return fmt.Sprintf("aws lambda wait function-updated-v2 --region %s --function-name %s && ", s.before.Region, s.result.Lambda)
}
