package deploy

import (
	"context"
	"errors"
	"strings"
	"time"
)

// What a call to Lambda can fail with, beside what is final. An error of [Lambda]
// wraps at most one of them.
var (
	// ErrConflict is another update of the function that is under way.
	ErrConflict = errors.New("another update of the function is under way")
	// ErrRevision is a function that changed since it was looked at.
	ErrRevision = errors.New("the function changed meanwhile")
	// ErrPassing is throttling, a fault of the service, or a lost connection.
	ErrPassing = errors.New("passing")
	// ErrMissing is a function, version or alias that does not exist.
	ErrMissing = errors.New("missing")
	// ErrDenied is a permission that the caller has not.
	ErrDenied = errors.New("denied")
)

// The states of a function and of its last update that matter here.
// https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
const (
	statePending = "Pending"
	stateFailed  = "Failed"
	inProgress   = "InProgress"
	successful   = "Successful"
)

// packageImage is the package type of functions that are images.
const packageImage = "Image"

// Function is what Lambda says of a function, or of one version of it.
type Function struct {
	Name string
	// Region is that of the function's ARN.
	Region string
	// PackageType is Image or Zip, Architecture x86_64 or arm64.
	PackageType, Architecture string
	// Digest is that of the image that it runs, and Image the URI with it; both are
	// empty for a function that is no image.
	Digest, Image string
	Version       string
	// Revision changes with every change of the function.
	Revision string
	// State is Pending, Active, Inactive or Failed.
	State, StateReason string
	// Update is InProgress, Successful or Failed.
	Update, UpdateReason string
}

// settled tells whether no change of the function is under way.
func (f Function) settled() bool { return f.Update != inProgress && f.State != statePending }

// Failed says why the function does not run what it is said to, or nothing.
func (f Function) Failed() string {
	switch {
	case f.Update == stateFailed:
		return "LastUpdateStatus is Failed: " + f.UpdateReason
	case f.State == stateFailed:
		return "State is Failed: " + f.StateReason
	default:
		return ""
	}
}

// Update is one change of a function's code.
type Update struct {
	Function string
	// URI is repository@digest.
	URI string
	// Revision is the one that the function must have; empty for any.
	Revision string
	// DryRun asks whether it would be done, and does nothing.
	DryRun bool
}

// Alias is a name for a version of a function.
type Alias struct {
	Name, Version, Revision string
}

// Answer is what a function answered.
type Answer struct {
	Payload []byte
	// Error is the kind of error that the function reported, or empty.
	Error string
	// Log is the end of the function's log, at most 4 KB.
	Log string
	// Duration is the time of the call, as seen from here.
	Duration time.Duration
}

// Lambda is what a deployment asks of AWS Lambda. It tries again by itself, a few
// times, what fails for a passing reason.
type Lambda interface {
	// Function describes a function; qualifier is a version or alias, or empty.
	Function(ctx context.Context, name, qualifier string) (Function, error)
	// Update changes the code of a function, and returns before that is done.
	Update(ctx context.Context, u Update) error
	// Publish makes a version of what the function is, and returns its number.
	Publish(ctx context.Context, name, revision, description string) (version string, err error)
	// Alias fails with [ErrMissing] when there is none.
	Alias(ctx context.Context, name, alias string) (Alias, error)
	CreateAlias(ctx context.Context, name string, a Alias) error
	UpdateAlias(ctx context.Context, name string, a Alias) error
	DeleteAlias(ctx context.Context, name, alias string) error
	Invoke(ctx context.Context, name, qualifier string, event []byte) (Answer, error)
}

// DigestOf returns the digest at the end of an image's URI, or nothing.
func DigestOf(uri string) string {
	if n := strings.LastIndex(uri, "@"); n >= 0 {
		return uri[n+1:]
	}
	return ""
}

// Short returns a digest as tables show it.
func Short(digest string) string {
	if digest == "" {
		return "nothing"
	}
	return digest[:min(len(digest), len("sha256:")+12)]
}
