// Package deploy updates Lambda functions to new images, all functions of a release or
// none: it checks every function before it changes one, updates them by digest, waits
// for each update, and rolls all back if one fails. AWS and the registry are behind small
// interfaces.
package deploy

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
)

// Target is the image that a function has to run.
type Target struct {
	// Image names the image, and Lambda the function in AWS.
	Image  string `json:"image"`
	Lambda string `json:"lambda"`
	// Repository is the private repository, with its registry.
	Repository string `json:"repository"`
	// Digest names the image's manifest.
	Digest string `json:"digest"`
	// Event is the test event that the function is called with after its update.
	Event []byte `json:"-"`
	// Qualifier and Tenant are those of that call.
	Qualifier string `json:"-"`
	Tenant    string `json:"-"`
}

// URI names the image as Lambda accepts it.
func (t Target) URI() string { return t.uri(t.Digest) }

func (t Target) uri(digest string) string { return reference.ForLambda(t.Repository) + "@" + digest }

// State says what a release did to a function.
type State string

// The states.
const (
	Planned   State = "planned"   // will be updated
	Unchanged State = "unchanged" // ran the image already, so it was not updated
	Updated   State = "updated"   // runs the new image
	Untouched State = "untouched" // not updated, because the release failed before
	Restored  State = "restored"  // updated and rolled back
	Stuck     State = "stuck"     // could not be rolled back
)

// Result is the outcome for one function.
type Result struct {
	Target
	// Platform is what the image of the function is for, before and after.
	Platform string `json:"platform,omitempty"`
	// Before is the digest that the function ran before; empty if it ran no image.
	Before string `json:"before"`
	// Now is the digest that the function runs now, as far as is known.
	Now   string `json:"now"`
	State State  `json:"state"`
	// Error says what went wrong with this function.
	Error string `json:"error,omitempty"`
	// Stuck says why it could not be rolled back, and Fix which command to type.
	Stuck string `json:"stuck,omitempty"`
	Fix   string `json:"fix,omitempty"`
	// Version is the version that was published for the alias, and AliasBefore the one
	// that the alias named before.
	Version     string `json:"version,omitempty"`
	AliasBefore string `json:"aliasBefore,omitempty"`
	// Canary is what callers did with the version while it had a share of the calls.
	Canary *Traffic `json:"canary,omitempty"`
	// Warning names a problem that does not stop the release.
	Warning string `json:"warning,omitempty"`
	// Seconds is the time from the first call to the end of the update.
	Seconds float64 `json:"seconds"`
}

// Pace says how long a release waits.
type Pace struct {
	// Poll is the first pause between two readings of a function; it doubles up to
	// PollLongest.
	Poll, PollLongest time.Duration
	// Settle limits the wait for an update, also for one by somebody else.
	Settle time.Duration
	// Revert limits the time to roll back one function.
	Revert time.Duration
	// Smoke limits one call with a test event.
	Smoke time.Duration
	// Watch is the time between two readings of the metrics during a canary.
	Watch time.Duration
}

// DefaultPace is for AWS. An update of an image takes seconds to a minute; the
// waiter of the AWS SDK gives up after five (FunctionUpdatedV2). A function runs
// for at most 15 minutes; a call with a test event should be much shorter.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
var DefaultPace = Pace{
	Poll: time.Second, PollLongest: 5 * time.Second, Settle: 5 * time.Minute,
	Revert: 10 * time.Minute, Smoke: time.Minute, Watch: 15 * time.Second,
}

// DefaultParallel is how many functions are updated at once. Lambda allows 15
// control-plane requests per second and account, and each update needs a few.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const DefaultParallel = 5

// Options say how a release is made. Each has a default, which is used for the zero value.
type Options struct {
	// Parallel is how many functions are updated at once.
	Parallel int
	// Smoke calls every updated function with its test event.
	Smoke bool
	// Alias, if set, is moved to a version with the new image.
	Alias string
	// Canary tries the versions before the alias leads all calls to them. It needs Alias and
	// Watch.
	Canary Canary
	Watch  Watch
	Clock  Clock
	// Description is the description of the versions that are published.
	Description string
	// Side is the account and region of the functions.
	Side reference.Side
	// StandIn is true if the endpoint is not AWS, but a stand-in that accepts images from
	// any registry.
	StandIn bool
	Pace    Pace
	// Tell is called with a line for each step of the release.
	Tell func(line string)
	// Steps is called when a step begins that takes minutes.
	Steps report.Steps
}

// Releaser makes releases.
type Releaser struct {
	lambda Lambda
	images Images
	o      Options
}

// NewReleaser returns a releaser.
func NewReleaser(l Lambda, images Images, o Options) *Releaser {
	if o.Parallel < 1 {
		o.Parallel = DefaultParallel
	}
	if o.Pace == (Pace{}) {
		o.Pace = DefaultPace
	}
	if o.Tell == nil {
		o.Tell = func(string) {}
	}
	if o.Steps == nil {
		o.Steps = func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	}
	if o.Clock.Now == nil {
		o.Clock = SystemClock
	}
	return &Releaser{lambda: l, images: images, o: o}
}

// RolledBack is the error of a release that failed and was rolled back: every function
// runs the same image as before.
type RolledBack struct {
	Cause error
	// Count is how many functions had been updated and were rolled back.
	Count int
}

func (e *RolledBack) Error() string {
	what := "no function had been updated yet"
	if e.Count > 0 {
		what = report.Count(e.Count, "updated function was", "updated functions were") + " rolled back"
	}
	return fmt.Sprintf("%v\n%s; every function runs the same image as before", e.Cause, what)
}

func (e *RolledBack) Unwrap() error { return e.Cause }

// Mixed is the error of a release that failed and could not roll back all functions.
type Mixed struct {
	Cause error
	Stuck []Result
}

func (e *Mixed) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n%s NOT be rolled back:", e.Cause, report.Count(len(e.Stuck), "function could", "functions could"))
	for _, s := range e.Stuck {
		fmt.Fprintf(&b, "\n%s (%s), which ran %s: %s\n  type: %s", s.Lambda, s.Image, Short(s.Before), s.Stuck, s.Fix)
	}
	return b.String()
}

func (e *Mixed) Unwrap() error { return e.Cause }

// errInterrupted is the cause of a release that the user interrupted.
var errInterrupted = errors.New("interrupted")
