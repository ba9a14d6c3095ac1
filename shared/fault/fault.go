// Package fault gives errors a kind, so that whoever called can tell bad input
// from a transient fault without reading the message.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind is the class of an error. Its text is the errorType that Lambda reports
// and that a job record carries.
type Kind string

// The kinds a caller may branch on.
const (
	// Configuration: the function is set up wrongly; a retry cannot help.
	Configuration Kind = "ConfigurationError"
	// InvalidInput: the event or the media is wrong; a retry cannot help.
	InvalidInput Kind = "InvalidInputError"
	// Unauthorized: the caller did not prove who it is.
	Unauthorized Kind = "UnauthorizedError"
	// NotFound: what the event names does not exist.
	NotFound Kind = "NotFoundError"
	// Conflict: the state that the caller assumed has changed.
	Conflict Kind = "ConflictError"
	// SafetyBlocked: the model refused the content; a retry cannot help.
	SafetyBlocked Kind = "SafetyBlockedError"
	// Transient: another try later may succeed.
	Transient Kind = "TransientError"
	// DeadlineExceeded: the invocation's time ran out.
	DeadlineExceeded Kind = "DeadlineExceededError"
	// Internal: a fault of ours; the default for everything unclassified.
	Internal Kind = "InternalError"
)

// Error is an error of a known kind.
type Error struct {
	Kind Kind
	err  error
}

// New returns an error of the given kind. The format is that of fmt.Errorf: name
// the operation and its subject, and wrap the cause with %w.
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, err: fmt.Errorf(format, args...)}
}

// Error implements error.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap gives what was wrapped to errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.err }

// KindOf returns the kind of the outermost Error in err's chain. A context error
// without a kind is DeadlineExceeded; everything else is Internal. The kind of
// nil is empty.
func KindOf(err error) Kind {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return DeadlineExceeded
	}
	return Internal
}

// Retryable tells whether the same call may succeed later.
func Retryable(err error) bool {
	kind := KindOf(err)
	return kind == Transient || kind == DeadlineExceeded
}
