// Package lambdaboot starts a Lambda function: it sets up the logger, builds the
// handler once at cold start, and turns errors into the errorType that Lambda reports.
package lambdaboot

import (
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambda/messages"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/logging"
)

// Handler answers one invocation. Its result is encoded as JSON.
type Handler func(ctx context.Context, payload json.RawMessage) (any, error)

// Build makes a Handler with its clients. It is called at cold start. If it fails, each
// invocation calls it again, and answers with the error until it succeeds. So a function
// without configuration starts, says what is missing, and does not crash in a loop.
type Build func(ctx context.Context) (Handler, error)

// buildLimit is the time that Build has at cold start. Lambda ends the init phase after
// 10 s (Lambda developer guide, "Lambda execution environment lifecycle").
const buildLimit = 5 * time.Second

// Start serves invocations until the runtime ends the process. It does not return.
func Start(name string, build Build) {
	limitMemory()
	slog.SetDefault(logging.New(os.Stdout).With("function", name))
	f := New(build)
	ctx, cancel := context.WithTimeout(context.Background(), buildLimit)
	if _, err := f.handler(ctx); err != nil {
		slog.Warn("not ready at cold start; the next invocation tries again", "error", err.Error())
	}
	cancel()
	lambda.Start(f.Invoke)
}

// Function is a handler that is built when it is first needed.
type Function struct {
	build Build

	mu    sync.Mutex
	built Handler
}

// New returns a Function that calls build at its first invocation.
func New(build Build) *Function { return &Function{build: build} }

// Invoke answers one invocation. It returns an error as a messages.InvokeResponse_Error
// with the error's kind as errorType and what a user may read of it as errorMessage. The
// log has the whole error.
func (f *Function) Invoke(ctx context.Context, payload json.RawMessage) (any, error) {
	start := time.Now()
	h, err := f.handler(ctx)
	if err != nil {
		return nil, report(ctx, start, err)
	}
	out, err := h(ctx, payload)
	if err != nil {
		return nil, report(ctx, start, err)
	}
	slog.InfoContext(ctx, "done", "durationMs", time.Since(start).Milliseconds())
	return out, nil
}

func (f *Function) handler(ctx context.Context) (Handler, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.built != nil {
		return f.built, nil
	}
	h, err := f.build(ctx)
	if err != nil {
		return nil, err
	}
	f.built = h
	return h, nil
}

func report(ctx context.Context, start time.Time, err error) error {
	kind := fault.KindOf(err)
	slog.ErrorContext(ctx, "failed", "errorType", string(kind), "error", err.Error(), "durationMs", time.Since(start).Milliseconds())
	return messages.InvokeResponse_Error{Type: string(kind), Message: fault.Message(err)}
}
