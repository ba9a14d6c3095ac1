package report

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// quiet is how long a step may take before it is told of, and patience how
// often it is told of again.
const (
	quiet    = time.Second
	patience = 10 * time.Second
)

// Progress tells of steps that take longer than a second.
type Progress struct {
	mu sync.Mutex
	w  io.Writer
}

// NewProgress returns a Progress that writes lines to w.
func NewProgress(w io.Writer) *Progress { return &Progress{w: w} }

// Step begins a step; the function it returns ends it.
func (p *Progress) Step(name string) (done func()) {
	start := time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for wait, told := quiet, false; ; wait, told = patience, true {
			select {
			case <-time.After(wait):
				p.print("…", name, start)
			case <-stop:
				if told {
					p.print("✓", name, start)
				}
				return
			}
		}
	}()
	return func() { close(stop); <-stopped }
}

// Line prints one line between those of the steps.
func (p *Progress) Line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintln(p.w, text)
}

func (p *Progress) print(mark, name string, start time.Time) {
	p.Line(fmt.Sprintf("%s %s  %s", mark, name, Duration(time.Since(start))))
}
