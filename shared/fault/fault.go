// Package fault gives errors a kind, so that a caller can tell bad input from a
// temporary failure without reading the message.
package fault

import (
	"context"
	"errors"
	"fmt"
)

// Kind is the class of an error. Its text is the errorType that Lambda reports and
// that a job record holds.
type Kind string

// The kinds that a caller may distinguish.
const (
	// Configuration: the function is set up wrongly; a retry cannot help.
	Configuration Kind = "ConfigurationError"
	// InvalidInput: the event or the media is wrong; a retry cannot help.
	InvalidInput Kind = "InvalidInputError"
	// Unauthorized: the caller did not prove who it is.
	Unauthorized Kind = "UnauthorizedError"
	// NotFound: the object or record that the event names does not exist.
	NotFound Kind = "NotFoundError"
	// Conflict: the record is not in the state that the operation requires.
	Conflict Kind = "ConflictError"
	// SafetyBlocked: the model refused the content; a retry cannot help.
	SafetyBlocked Kind = "SafetyBlockedError"
	// Transient: a later retry may succeed.
	Transient Kind = "TransientError"
	// DeadlineExceeded: the invocation's time ran out.
	DeadlineExceeded Kind = "DeadlineExceededError"
	// Internal: a fault in this code; also every error without a kind.
	Internal Kind = "InternalError"
)

// Error is an error of a known kind.
type Error struct {
	Kind Kind
	err  error
	// format and args are what err was made of.
	format string
	args   []any
}

// New returns an error of the given kind. The format works as in fmt.Errorf: name the
// operation and what it works on, and wrap the cause with %w. Whatever a user may not
// read is a [Detail] or a cause of another type; see [Message].
func New(kind Kind, format string, args ...any) error {
	return &Error{Kind: kind, err: fmt.Errorf(format, args...), format: format, args: args}
}

// Error implements error.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns the cause, for errors.Is and errors.As.
func (e *Error) Unwrap() error { return e.err }

// KindOf returns the kind of the outermost Error in err's chain. Without one, the kind
// of a context error is DeadlineExceeded, and that of every other error is Internal.
// The kind of nil is empty.
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
