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
	read   read
}

// start is one cold start.
type start struct {
	init, answer phase
	failed       string // the type of error that the function answered with
	confined     bool
	counted      bool // whether the kernel says which blocks were read
}

// Measure starts each subject as often as repeat says, in turn, each time with none of its
// files in memory.
func Measure(ctx context.Context, subjects []Subject, repeat int) ([][]start, error) {
	starts := make([][]start, len(subjects))
	for range repeat {
		for n, s := range subjects {
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
func (s Subject) start(ctx context.Context) (one start, err error) {
	if err := forget(s.Root); err != nil {
		return one, err
	}
	left, err := cached(s.Root)
	if err != nil {
		return one, err
	}
	one.counted = len(left) == 0
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
	if one.init.read, err = cached(s.Root); err != nil {
		return one, err
	}
	done := make(chan struct{})
	tools := watch(function.PID(), done)
	response, err := function.Invoke(ctx, s.Event)
	close(done)
	one.answer.tools = <-tools
	if err != nil {
		return one, err
	}
	if response.Error != nil {
		one.failed = response.Error.Type
	}
	one.answer.took = one.init.took + response.Duration
	if one.answer.memory, err = status(function.PID(), "VmHWM"); err != nil {
		return one, err
	}
	one.answer.read, err = cached(s.Root)
	return one, err
}
