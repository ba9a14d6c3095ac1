package deploy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"lambdas.internal/ci/tool/report"
)

// The errors of Lambda that a release handles. An error of [Lambda] wraps at most one of
// them; any other is final.
var (
	// ErrConflict says that another update of the function is running.
	ErrConflict = errors.New("another update of the function is running")
	// ErrRevision says that the function changed since it was read.
	ErrRevision = errors.New("the function changed in the meantime")
	// ErrPassing is throttling, a fault of the service, or a lost connection: the same
	// call may succeed later.
	ErrPassing = errors.New("temporary failure")
	// ErrMissing says that the function, version or alias does not exist.
	ErrMissing = errors.New("missing")
	// ErrDenied says that the caller lacks a permission.
	ErrDenied = errors.New("denied")
)

// The states of a function and of its last update that matter here.
// https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
const (
	statePending      = "Pending"
	stateActive       = "Active"
	stateInactive     = "Inactive" // until the next call
	stateDeactivating = "Deactivating"
	stateFailed       = "Failed"
	inProgress        = "InProgress"
	successful        = "Successful"
)

// LatestPublished is where an update is published that calls without a qualifier are to run.
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html
const LatestPublished = "LATEST_PUBLISHED"

// packageImage is the package type of functions that run images.
const packageImage = "Image"

// Function is what Lambda knows about a function, or about one version of it.
type Function struct {
	Name string
	// Region is that of the function's ARN.
	Region string
	// PackageType is Image or Zip, Architecture x86_64 or arm64.
	PackageType, Architecture string
	// Digest is that of the image that it runs, and Image the URI with the digest; both
	// are empty for a function that runs no image.
	Digest, Image string
	Version       string
	// Revision changes with every change of the function.
	Revision string
	// LogGroup is that of its log. Description is that of a version.
	LogGroup, Description string
	// Instances is true if it runs on Lambda Managed Instances: then a call without a qualifier
	// runs the version that was published as $LATEST.PUBLISHED, and all of this is of that version.
	Instances bool
	// Durable is true if its executions are durable: then each call names a version.
	Durable bool
	// State is Pending, Active, Inactive, Failed, or another that AWS has added.
	State, StateReason string
	// Update is InProgress, Successful or Failed.
	Update, UpdateReason string
}

// Platform is what its image is for, as images name it; "" if it runs none.
func (f Function) Platform() string {
	if f.Digest == "" {
		return ""
	}
	return platformOf(f.Architecture)
}

// Settled tells whether Lambda has finished the last change of the function.
func (f Function) Settled() bool {
	return f.Update != inProgress && f.State != statePending && f.State != stateDeactivating
}

// Failed says why the function does not work, or its last update did not; "" if both do. A state
// that is not known is none that works.
func (f Function) Failed() string {
	said := func(field, value, reason string) string {
		if reason != "" {
			reason = ": " + reason
		}
		return field + " is " + value + reason
	}
	switch {
	case f.Update != successful && f.Update != inProgress && f.Update != "":
		return said("LastUpdateStatus", f.Update, f.UpdateReason)
	case !slices.Contains([]string{stateActive, stateInactive, statePending, ""}, f.State):
		return said("State", f.State, f.StateReason)
	default:
		return ""
	}
}

// New is a function to be made. Memory, in MB, and Timeout, in seconds, are 0 for the default.
type New struct {
	Function, URI, Role, Architecture string
	Memory, Timeout                   int
}

// Update is one change of a function's code.
type Update struct {
	Function string
	// URI is repository@digest.
	URI string
	// Revision is the revision that the function must have; empty for any.
	Revision string
	// DryRun only checks whether Lambda would do the update.
	DryRun bool
	// Publish makes the update what calls without a qualifier run: see [Function.Instances].
	Publish bool
}

// Alias is a name for a version of a function.
type Alias struct {
	Name, Version, Revision string
	// Weights has the shares of the calls that go to other versions than Version, above 0
	// and at most 1 each. Lambda takes at most one other version.
	// https://docs.aws.amazon.com/lambda/latest/dg/configuring-alias-routing.html
	Weights map[string]float64
}

// leads tells whether both aliases lead calls to the same versions.
func (a Alias) leads(other Alias) bool {
	return a.Version == other.Version && maps.Equal(a.Weights, other.Weights)
}

// Split says which share of the calls goes to other versions; "" if none does.
func (a Alias) Split() string {
	var parts []string
	for _, version := range slices.Sorted(maps.Keys(a.Weights)) {
		parts = append(parts, fmt.Sprintf("%s of the calls to version %s", Percent(a.Weights[version]), version))
	}
	return strings.Join(parts, ", ")
}

// where says to which versions the alias leads.
func (a Alias) where() string {
	if split := a.Split(); split != "" {
		return a.Version + ", and " + split
	}
	return a.Version
}

// Percent writes a share as people do.
func Percent(share float64) string {
	return strconv.FormatFloat(math.Round(share*1e4)/1e2, 'f', -1, 64) + "%"
}

// Call is one call of a function. Qualifier is a version or alias, or empty; Tenant is empty for
// a function that does not isolate tenants.
type Call struct {
	Function, Qualifier, Tenant string
	Event                       []byte
}

// Answer is the answer of a function to an event.
type Answer struct {
	Payload []byte
	// Error is the kind of error that the function reported, or empty.
	Error string
	// Log is the end of the function's log, at most 4 KB.
	Log string
	// Duration is the time of the call, measured by the caller.
	Duration time.Duration
}

// Lambda is the client of AWS Lambda. It retries temporary failures a few times by itself.
type Lambda interface {
	// Function describes a function; qualifier is a version or alias, or empty.
	Function(ctx context.Context, name, qualifier string) (Function, error)
	// Update starts to change the code of a function, and does not wait for the end.
	Update(ctx context.Context, u Update) error
	// Publish makes a version of the function as it is now, and returns its number.
	Publish(ctx context.Context, name, revision, description string) (version string, err error)
	// Alias fails with [ErrMissing] if the alias does not exist.
	Alias(ctx context.Context, name, alias string) (Alias, error)
	CreateAlias(ctx context.Context, name string, a Alias) error
	// UpdateAlias makes the alias lead to its version and weights, and to no other.
	UpdateAlias(ctx context.Context, name string, a Alias) error
	DeleteAlias(ctx context.Context, name, alias string) error
	Invoke(ctx context.Context, c Call) (Answer, error)
}

// DigestOf returns the digest at the end of an image's URI; "" if it has none.
func DigestOf(uri string) string {
	_, digest, _ := strings.Cut(uri, "@")
	return digest
}

// Short shortens a digest for tables and messages.
func Short(digest string) string {
	return report.Digest(cmp.Or(digest, "nothing"))
}
