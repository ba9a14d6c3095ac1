package coldstart

import (
	"context"
	"errors"
	"fmt"
	"time"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/run/invoke"
)

// Subject is an image that is started.
type Subject struct {
	// Image is its name.
	Image string
	// Root is the folder in which it is unpacked.
	Root  string
	Files Files
	// Layers are the kinds of its layers, from below.
	Layers []image.Kind
	// Event is the first that it answers.
	Event   []byte
	Options invoke.Options
}

// phase is what was measured at the end of the init phase, or at the first answer.
type phase struct {
	took   time.Duration
	memory int64 // of the function
	tools  int64 // the most that one process had that the function started
	read   pages
	// connections are those that are open, besides that to the Runtime API.
	connections int
}

// Start is one cold start.
type Start struct {
	init, answer phase
	failed       string // the type of error that the function answered with
	confined     bool
	warm         bool // the files were in memory all the time
}

// Measure starts each subject as often as repeat says, in turn, each time with none of its
// files in memory, after it has called before.
func Measure(ctx context.Context, subjects []Subject, repeat int, before func(context.Context) error) ([][]Start, error) {
	starts := make([][]Start, len(subjects))
	for range repeat {
		for n, s := range subjects {
			if err := before(ctx); err != nil {
				return nil, err
			}
			one, err := s.start(ctx)
			if err != nil {
				return nil, fmt.Errorf("start %s: %w", s.Image, err)
			}
			starts[n] = append(starts[n], one)
		}
	}
	return starts, nil
}

// start starts the function once and sends it its event. The time of the answer is from the
// start, without the time in which this program measured.
func (s Subject) start(ctx context.Context) (one Start, err error) {
	if err := forget(s.Root); err != nil {
		return one, err
	}
	left, err := cached(s.Root)
	if err != nil {
		return one, err
	}
	one.warm = len(left) > 0
	function, err := invoke.Start(s.Root, s.Options)
	if err != nil {
		return one, err
	}
	defer func() { err = errors.Join(err, function.Stop()) }()
	one.confined = function.Confined()
	if one.init.took, err = function.Ready(ctx); err != nil {
		return one, err
	}
	if one.init.memory, err = status(function.PID(), "VmRSS"); err != nil {
		return one, err
	}
	one.init.connections = sockets(function.PID()) - 1
	if one.init.read, err = s.read(function, pages{}, one.warm); err != nil {
		return one, err
	}
	done := make(chan struct{})
	watched := watch(function.PID(), s.Root, done)
	response, err := function.Invoke(ctx, s.Event)
	close(done)
	tools := <-watched
	if err != nil {
		return one, err
	}
	if response.Error != nil {
		one.failed = response.Error.Type
	}
	one.answer.tools, one.answer.connections = tools.memory, sockets(function.PID())-1
	one.answer.took = one.init.took + response.Duration
	if one.answer.memory, err = status(function.PID(), "VmHWM"); err != nil {
		return one, err
	}
	one.answer.read, err = s.read(function, tools.read, one.warm)
	return one, err
}

// read returns what was read of the image: what the function and its tools have mapped, and
// files that were read only. The latter are known only if none was in memory before.
func (s Subject) read(f *invoke.Function, tools pages, warm bool) (pages, error) {
	if err := tools.mapped(f.PID(), s.Root); err != nil {
		return nil, fmt.Errorf("read what the function has mapped: %w", err)
	}
	if warm {
		return tools, nil
	}
	read, err := cached(s.Root)
	return tools.with(read), err
}
