//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Case is one situation in which all subjects build the same workspace.
type Case struct {
	Name      string
	Workspace *catalog.Catalog
	Subjects  []Subject
	Repeat    int
	// Edit, if any, is applied once before each repetition.
	Edit *edit
	// Cold starts every repetition of every subject with an empty state.
	Cold bool
	// GoCache is copied to the subjects' Go build caches before the first build, unless
	// the case is cold.
	GoCache string
	// State is the folder with the state folders of the subjects; cases may share it.
	State string
}

// Times are the seconds that one subject took in a case, by repetition.
type Times struct {
	Subject string    `json:"subject"`
	Seconds []float64 `json:"seconds"`
	// CPU are the seconds of processor time of its programs. They depend less than the
	// others on what else the machine does.
	CPU []float64 `json:"cpu"`
}

// measure runs the case. In each repetition all subjects build, one after the other; each
// repetition starts with another subject.
func measure(ctx context.Context, c Case, progress func(string)) ([]Times, error) {
	times := make([]Times, len(c.Subjects))
	for i, s := range c.Subjects {
		times[i] = Times{Subject: s.Name(), Seconds: make([]float64, c.Repeat), CPU: make([]float64, c.Repeat)}
		if c.Cold {
			continue
		}
		progress(fmt.Sprintf("%s: first build of %s, not counted", c.Name, s.Name()))
		if _, _, err := once(ctx, c, s); err != nil {
			return nil, err
		}
	}
	for rep := range c.Repeat {
		if c.Edit != nil {
			if err := c.Edit.Apply(); err != nil {
				return nil, err
			}
		}
		line := fmt.Sprintf("%s %d/%d:", c.Name, rep+1, c.Repeat)
		for n := range c.Subjects {
			i := (rep + n) % len(c.Subjects)
			took, cpu, err := once(ctx, c, c.Subjects[i])
			if err != nil {
				return nil, err
			}
			times[i].Seconds[rep], times[i].CPU[rep] = took.Seconds(), cpu.Seconds()
			line += fmt.Sprintf("  %s %.2f s", c.Subjects[i].Name(), took.Seconds())
		}
		progress(line)
	}
	return times, nil
}

// once runs one build of one subject. It returns the time, and the processor time of the
// subject's programs.
func once(ctx context.Context, c Case, s Subject) (took, cpu time.Duration, err error) {
	state := filepath.Join(c.State, s.Name())
	if c.Cold {
		if err := empty(ctx, s, state); err != nil {
			return 0, 0, fmt.Errorf("%s: empty the caches of %s: %w", c.Name, s.Name(), err)
		}
	}
	if _, err := os.Stat(state); err != nil {
		if err := prepare(ctx, c, s, state); err != nil {
			return 0, 0, fmt.Errorf("%s: %w", c.Name, err)
		}
	}
	syscall.Sync() // so that data of other programs is not written during this build
	before, start := cpuOfChildren(), time.Now()
	if err := s.Build(ctx, c.Workspace, state); err != nil {
		return 0, 0, fmt.Errorf("%s: %s: %w", c.Name, s.Name(), err)
	}
	return time.Since(start), cpuOfChildren() - before, nil
}

// empty deletes the state and the caches of the subject.
func empty(ctx context.Context, s Subject, state string) error {
	if err := os.RemoveAll(state); err != nil {
		return err
	}
	if e, ok := s.(engine); ok {
		return e.Empty(ctx)
	}
	return nil
}

// cpuOfChildren returns the processor time of all child processes that have ended.
func cpuOfChildren() time.Duration {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_CHILDREN, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// prepare makes the state that a subject starts with.
func prepare(ctx context.Context, c Case, s Subject, state string) error {
	if err := os.MkdirAll(state, 0o755); err != nil {
		return err
	}
	if !c.Cold {
		if err := os.CopyFS(goCacheIn(state), os.DirFS(c.GoCache)); err != nil {
			return err
		}
	}
	return s.Prepare(ctx, state)
}
