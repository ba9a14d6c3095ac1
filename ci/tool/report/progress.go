package report

import (
	"context"
	"fmt"
	"io"
	"sync"
	"time"
)

// quiet is how long a step runs before anything is printed about it.
const quiet = time.Second

// distances are those between the lines about a step where lines stay; the last one
// holds for all that follow. Systems that run builds stop what prints nothing for minutes.
var distances = []time.Duration{quiet, 2 * time.Second, 5 * time.Second, 10 * time.Second, 30 * time.Second, time.Minute}

// Progress tells about the steps that take longer than a second. On a [Terminal], each
// has a line that is updated in place; elsewhere, lines follow in growing distances.
type Progress struct {
	mu       sync.Mutex
	w        io.Writer
	terminal *Terminal
}

// Steps is called when a step begins that may take long. It returns the context for the
// step, and a function to call with the step's error when the step ends.
type Steps func(ctx context.Context, name string) (of context.Context, done func(err error))

// NewProgress returns a Progress that writes to w.
func NewProgress(w io.Writer) *Progress {
	terminal, _ := w.(*Terminal)
	return &Progress{w: w, terminal: terminal}
}

// Step is [Progress.Start] for a step that tells nothing of itself.
func (p *Progress) Step(name string) (done func(err error)) {
	_, done = p.Start(context.Background(), name)
	return done
}

// Start begins a step. What runs with the context that it returns can say what it does:
// see [Doing] and [Counting]. Call done once, when the step ends, with its error: the
// last line of a step that failed or was interrupted has a ✗, of any other a ✓.
func (p *Progress) Start(ctx context.Context, name string) (of context.Context, done func(err error)) {
	s := &step{name: name, start: time.Now(), line: p.Line}
	outcome := "✓"
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-time.After(p.distance(n)):
				p.show(s)
			case <-stop:
				if n > 0 {
					p.end(s, outcome)
				}
				return
			}
		}
	}()
	return context.WithValue(ctx, stepKey{}, s), func(err error) {
		if err != nil {
			outcome = "✗"
		}
		close(stop)
		<-stopped
	}
}

// Line prints one line, never in the middle of a line about a step.
func (p *Progress) Line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, text)
}

func (p *Progress) distance(n int) time.Duration {
	if p.terminal != nil && n > 0 {
		return frame
	}
	return distances[min(n, len(distances)-1)]
}

func (p *Progress) show(s *step) {
	if p.terminal != nil {
		p.terminal.show(s)
		return
	}
	head, tail := s.running()
	p.Line(head + tail)
}

func (p *Progress) end(s *step, outcome string) {
	head, tail := outcome+" "+s.name, "  "+Duration(time.Since(s.start))
	if p.terminal != nil {
		p.terminal.end(s, head, tail)
		return
	}
	p.Line(head + tail)
}
