package endpoint

import (
	"context"
	"errors"
	"fmt"

	"lambdas.internal/ci/tool/run/invoke"
)

// Runner is a function in a process of its own.
type Runner interface {
	Invoke(ctx context.Context, event []byte) (invoke.Response, error)
	Stop() error
}

// Sandbox runs one function. It sends it one event at a time, as Lambda does, and starts it
// again after its process has ended.
type Sandbox struct {
	start func() (Runner, error)
	// turn holds the running function, or nil, while no event is with it.
	turn chan Runner
}

// NewSandbox returns a sandbox with a function that runs.
func NewSandbox(start func() (Runner, error)) (*Sandbox, error) {
	first, err := start()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{start: start, turn: make(chan Runner, 1)}
	s.turn <- first
	return s, nil
}

// IdleSandbox returns a sandbox whose function starts with its first event.
func IdleSandbox(start func() (Runner, error)) *Sandbox {
	s := &Sandbox{start: start, turn: make(chan Runner, 1)}
	s.turn <- nil
	return s
}

// Invoke waits for the function's turn, sends it the event and returns its answer.
func (s *Sandbox) Invoke(ctx context.Context, event []byte) (r invoke.Response, err error) {
	var f Runner
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
func (s *Sandbox) restart() (Runner, error) {
	f, err := s.start()
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Swap ends the function between two invocations, makes the change, and starts the function
// again if it ran before. So the next event meets what was changed.
func (s *Sandbox) Swap(ctx context.Context, change func() error) (err error) {
	var f Runner
	select {
	case f = <-s.turn:
	case <-ctx.Done():
		return fmt.Errorf("wait for the function: %w", context.Cause(ctx))
	}
	defer func() { s.turn <- f }()
	running := f != nil
	if running {
		err, f = f.Stop(), nil
	}
	if err = errors.Join(err, change()); err == nil && running {
		f, err = s.restart()
	}
	return err
}

// Wake starts the function, if it does not run.
func (s *Sandbox) Wake() (err error) {
	f := <-s.turn
	defer func() { s.turn <- f }()
	if f == nil {
		f, err = s.restart()
	}
	return err
}

// Stop ends the function when its event is answered.
func (s *Sandbox) Stop() error {
	f := <-s.turn
	s.turn <- nil
	if f == nil {
		return nil
	}
	return f.Stop()
}
