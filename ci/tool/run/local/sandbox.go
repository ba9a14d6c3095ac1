package local

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lambdas.internal/ci/tool/run/invoke"
)

// runner is a function in a process of its own.
type runner interface {
	Invoke(ctx context.Context, event []byte) (invoke.Response, error)
	Stop() error
}

// sandbox runs one function. It sends it one event at a time, as Lambda does, and starts it
// again after its process has ended.
type sandbox struct {
	start func() (runner, error)
	// turn holds the running function, or nil, while no event is with it.
	turn chan runner
}

func newSandbox(start func() (runner, error)) (*sandbox, error) {
	first, err := start()
	if err != nil {
		return nil, err
	}
	s := &sandbox{start: start, turn: make(chan runner, 1)}
	s.turn <- first
	return s, nil
}

// Invoke waits for the function's turn, sends it the event and returns its answer.
func (s *sandbox) Invoke(ctx context.Context, event []byte) (r invoke.Response, err error) {
	var f runner
	select {
	case f = <-s.turn:
	case <-ctx.Done():
		return r, fmt.Errorf("wait for the function: %w", context.Cause(ctx))
	}
	defer func() { s.turn <- f }()
	if f == nil {
		if f, err = s.restart(); err != nil {
			return r, err
		}
	}
	if r, err = f.Invoke(ctx, event); err != nil {
		_ = f.Stop() // it has ended, or its caller has gone and must not leave it with an old event
		f = nil
	}
	return r, err
}

// restart returns a new runner, and no runner that is a nil of another type.
func (s *sandbox) restart() (runner, error) {
	f, err := s.start()
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Stop ends the function when its event is answered.
func (s *sandbox) Stop() error {
	f := <-s.turn
	s.turn <- nil
	if f == nil {
		return nil
	}
	return f.Stop()
}

// failure is the record that Lambda sends to an on-failure destination.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
type failure struct {
	Version        string          `json:"version"`
	Timestamp      time.Time       `json:"timestamp"`
	RequestContext failureContext  `json:"requestContext"`
	RequestPayload json.RawMessage `json:"requestPayload"`
	// ResponsePayload is the error that the function reported, or that Lambda reports of it.
	ResponsePayload *invoke.FunctionError `json:"responsePayload"`
}

type failureContext struct {
	FunctionArn            string `json:"functionArn"`
	Condition              string `json:"condition"`
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

// newFailure returns the record of an event that the function could not answer.
func newFailure(function string, event []byte, reported *invoke.FunctionError) failure {
	return failure{
		Version: "1.0", Timestamp: time.Now().UTC(), RequestPayload: event, ResponsePayload: reported,
		RequestContext: failureContext{
			FunctionArn: "arn:aws:lambda:" + region + ":000000000000:function:" + function, Condition: "RetriesExhausted", ApproximateInvokeCount: 1,
		},
	}
}
