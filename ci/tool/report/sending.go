package report

import (
	"fmt"
	"time"
)

// Sending begins a step that sends bytes, and tells every two seconds how many were
// sent; the function it returns ends the step.
func (p *Progress) Sending(name string, total int64, sent func() int64) (done func()) {
	if total == 0 {
		return p.Step(name)
	}
	const every = 2 * time.Second
	start := time.Now()
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				p.Line(fmt.Sprintf("… sent %s of %s MB  %s", MB(sent()), MB(total), Duration(time.Since(start))))
			case <-stop:
				return
			}
		}
	}()
	return func() { close(stop); <-stopped }
}
