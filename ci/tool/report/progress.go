package report

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// quiet is how long a step runs before its first line is printed, and patience how
// long until each further line.
const (
	quiet    = time.Second
	patience = 10 * time.Second
)

// Progress prints lines about steps that take longer than a second.
type Progress struct {
	mu sync.Mutex
	w  io.Writer
}

// NewProgress returns a Progress that writes lines to w.
func NewProgress(w io.Writer) *Progress { return &Progress{w: w} }

// Step begins a step. Call done once, when the step ends, with its error: the last
// line of a step that failed or was interrupted has a ✗, of any other a ✓.
func (p *Progress) Step(name string) (done func(err error)) {
	start := time.Now()
	outcome := "✓"
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for wait, printed := quiet, false; ; wait, printed = patience, true {
			select {
			case <-time.After(wait):
				p.print("…", name, start)
			case <-stop:
				if printed {
					p.print(outcome, name, start)
				}
				return
			}
		}
	}()
	return func(err error) {
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

func (p *Progress) print(mark, name string, start time.Time) {
	p.Line(fmt.Sprintf("%s %s  %s", mark, name, Duration(time.Since(start))))
}

// Sending begins a step that sends bytes, and tells every two seconds how many were
// sent; the function it returns ends the step.
func (p *Progress) Sending(name string, total int64, sent func() int64) (done func(err error)) {
	if total == 0 {
		return p.Step(name)
	}
	const every = 2 * time.Second
	start := time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-time.After(every):
				p.Line(fmt.Sprintf("… sent %s of %s MB  %s", MB(sent()), MB(total), Duration(time.Since(start))))
			case <-stop:
				return
			}
		}
	}()
	return func(error) { close(stop); <-stopped }
}
