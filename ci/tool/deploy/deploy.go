// Package deploy makes Lambda functions run images, all of a release or none: it
// looks at every function before it changes one, updates them by digest, waits for
// each, and puts all back when one fails. It holds the rules; AWS and the registry
// are behind small interfaces.
package deploy

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// Target is what one function is to run.
type Target struct {
	// Image names the image, and Lambda the function in AWS.
	Image  string `json:"image"`
	Lambda string `json:"lambda"`
	// Repository is the private one, with its registry.
	Repository string `json:"repository"`
	// Digest names the image's manifest.
	Digest string `json:"digest"`
	// Event is what the function is tried with, if it is.
	Event []byte `json:"-"`
}

func (t Target) uri(digest string) string { return t.Repository + "@" + digest }

// State says how a function came out of a release.
type State string

// The states.
const (
	Planned   State = "planned"   // would be updated
	Unchanged State = "unchanged" // ran the image already; it got no update call
	Updated   State = "updated"   // runs the new image
	Untouched State = "untouched" // the release ended before its turn
	Restored  State = "restored"  // was updated, and runs again what it ran
	Stuck     State = "stuck"     // could not be put back
)

// Result tells of one function.
type Result struct {
	Target
	// Before is the digest that ran before; empty if it was no image's.
	Before string `json:"before"`
	// Now is the digest that the function runs, as far as it is known.
	Now   string `json:"now"`
	State State  `json:"state"`
	// Error says what went wrong with this function.
	Error string `json:"error,omitempty"`
	// Stuck says why it could not be put back, and Fix what to type.
	Stuck string `json:"stuck,omitempty"`
	Fix   string `json:"fix,omitempty"`
	// Version is the one that was published for the alias, and AliasBefore the one
	// that the alias named.
	Version     string `json:"version,omitempty"`
	AliasBefore string `json:"aliasBefore,omitempty"`
	// Warning is what may matter later.
	Warning string `json:"warning,omitempty"`
	// Seconds is the time from the first call to the end of the update.
	Seconds float64 `json:"seconds"`
}

// Pace says how long things are waited for.
type Pace struct {
	// Poll is the first time between two looks at a function; it doubles up to
	// PollLongest.
	Poll, PollLongest time.Duration
	// Settle bounds the wait for an update, or for another's that is in the way.
	Settle time.Duration
	// Revert bounds the time in which one function is put back.
	Revert time.Duration
	// Smoke bounds one trial call.
	Smoke time.Duration
}

// DefaultPace is for AWS. An update of an image takes seconds to a minute; the
// waiter of the AWS SDK gives up after five (FunctionUpdatedV2). A function runs
// for at most 15 minutes, and a trial should be far below.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
var DefaultPace = Pace{
	Poll: time.Second, PollLongest: 5 * time.Second, Settle: 5 * time.Minute,
	Revert: 10 * time.Minute, Smoke: time.Minute,
}

// DefaultParallel is how many functions are updated at once. Lambda allows 15
// control-plane requests per second and account, and each takes a few.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const DefaultParallel = 5

// Options say how a release is made. The zero value of each has a default.
type Options struct {
	// Parallel is how many functions are updated at once.
	Parallel int
	// Smoke calls every updated function with its event.
	Smoke bool
	// Alias, if set, is moved to a version with the new image.
	Alias string
	// Description is kept with the versions that are published.
	Description string
	// StandIn tells that what answers is no AWS, and takes images from anywhere.
	StandIn bool
	Pace    Pace
	// Tell is called with a line for each thing that happened to a function.
	Tell func(line string)
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
	return &Releaser{lambda: l, images: images, o: o}
}

// RolledBack is a release that failed, with every function running what it ran
// before.
type RolledBack struct {
	Cause error
	// Count is how many functions had been updated and were put back.
	Count int
}

func (e *RolledBack) Error() string {
	story := "no function had been updated yet"
	if e.Count > 0 {
		story = fmt.Sprintf("%d updated %s put back", e.Count, plural(e.Count, "function was", "functions were"))
	}
	return fmt.Sprintf("%v\n%s; every function runs what it ran before", e.Cause, story)
}

func (e *RolledBack) Unwrap() error { return e.Cause }

// Mixed is a release that failed, with functions that could not be put back.
type Mixed struct {
	Cause error
	Stuck []Result
}

func (e *Mixed) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%v\n%d %s NOT be put back:", e.Cause, len(e.Stuck), plural(len(e.Stuck), "function could", "functions could"))
	for _, s := range e.Stuck {
		fmt.Fprintf(&b, "\n%s (%s), which ran %s: %s\n  type: %s", s.Lambda, s.Image, Short(s.Before), s.Stuck, s.Fix)
	}
	return b.String()
}

func (e *Mixed) Unwrap() error { return e.Cause }

// errInterrupted is the cause of a release that the user ended.
var errInterrupted = errors.New("interrupted")

func plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
