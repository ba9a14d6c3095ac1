package lambdaapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"lambdas.internal/ci/tool/deploy"
)

// kinds maps the error codes of AWS to the errors that a release handles.
// https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html#API_UpdateFunctionCode_Errors
var kinds = map[string]error{
	"ResourceConflictException":   deploy.ErrConflict,
	"PreconditionFailedException": deploy.ErrRevision,
	"ResourceNotFoundException":   deploy.ErrMissing,
	"AccessDeniedException":       deploy.ErrDenied,
	"TooManyRequestsException":    deploy.ErrPassing,
	"ServiceException":            deploy.ErrPassing,
}

// callError is the error of a call, in one line.
type callError struct {
	text  string
	kind  error // may be nil
	cause error
}

func (e *callError) Error() string { return e.text }

func (e *callError) Unwrap() []error {
	if e.kind == nil {
		return []error{e.cause}
	}
	return []error{e.kind, e.cause}
}

// wrap sorts an error of the SDK. It keeps the code and the message, and leaves out the
// details of requests and attempts.
func wrap(call, subject string, err error) error {
	if err == nil {
		return nil
	}
	e := &callError{text: fmt.Sprintf("%s %s: %v", call, subject, err), cause: err}
	var api smithy.APIError
	var send *smithyhttp.RequestSendError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		e.text = fmt.Sprintf("%s %s: no answer in time", call, subject)
	case errors.As(err, &send):
		e.text = fmt.Sprintf("%s %s: %v", call, subject, send.Err)
	}
	if errors.As(err, &api) {
		e.kind = kinds[api.ErrorCode()]
		e.text = fmt.Sprintf("%s %s: %s: %s", call, subject, api.ErrorCode(), api.ErrorMessage())
	}
	if e.kind == nil && passing(err) {
		e.kind = deploy.ErrPassing
	}
	return e
}

// passing tells whether the same call may succeed later, by the rules of the SDK: after
// throttling, faults of the service and lost connections.
func passing(err error) bool {
	if errors.Is(err, context.Canceled) {
		return false
	}
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) && (answer.HTTPStatusCode() >= http.StatusInternalServerError || answer.HTTPStatusCode() == http.StatusTooManyRequests) {
		return true
	}
	return retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err).Bool()
}
