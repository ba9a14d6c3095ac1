package report

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// Bytes is the unit of [Counting] for bytes, which are shown in megabytes.
const Bytes = "MB"

// step is a step that runs.
type step struct {
	name  string
	start time.Time

	mu   sync.Mutex
	part part
}

// part is what a step does now.
type part struct {
	what, unit  string
	done, total int64 // total is 0 if nothing is counted
	start       time.Time
}

type stepKey struct{}

// Doing says what the step of the context does now; an empty text takes back what was
// said before.
func Doing(ctx context.Context, what string) { begin(ctx, part{what: what}) }

// Counting says what the step of the context does now, and how much there is to do:
// Counting(ctx, "sent", 20, "files") is shown as "sent 3 of 20 files" after [Add] of 3.
func Counting(ctx context.Context, verb string, total int64, unit string) {
	if total <= 0 {
		verb = ""
	}
	begin(ctx, part{what: verb, total: total, unit: unit, start: time.Now()})
}

// Add counts n more as done. Less than 0 takes back what has to be done again.
func Add(ctx context.Context, n int64) {
	if s, ok := ctx.Value(stepKey{}).(*step); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.part.done += n
	}
}

func begin(ctx context.Context, p part) {
	if s, ok := ctx.Value(stepKey{}).(*step); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.part = p
	}
}

// running is the line of a step that runs, in two parts: the second is short and says
// how long it runs, and if that is known, how long it still takes.
func (s *step) running() (head, tail string) {
	s.mu.Lock()
	p := s.part
	s.mu.Unlock()
	now := time.Now()
	head = "… " + s.name
	if p.what != "" {
		head += ": " + p.what
	}
	if p.total > 0 {
		head += fmt.Sprintf(" %s of %s %s", p.amount(min(p.done, p.total)), p.amount(p.total), p.unit)
	}
	if left, ok := p.left(now); ok {
		tail = fmt.Sprintf(", %.0f s left", left.Seconds())
	}
	return head, tail + fmt.Sprintf("  %.0f s", now.Sub(s.start).Truncate(time.Second).Seconds())
}

// left is how long the rest takes, if it goes on as fast as until now.
func (p part) left(now time.Time) (time.Duration, bool) {
	took := now.Sub(p.start)
	if p.done <= 0 || p.done >= p.total || took < quiet {
		return 0, false
	}
	return time.Duration(float64(took) / float64(p.done) * float64(p.total-p.done)), true
}

// amount prints a count; bytes with a digit after the point only if there are few.
func (p part) amount(n int64) string {
	switch {
	case p.unit != Bytes:
		return fmt.Sprint(n)
	case p.total < 100e6:
		return MB(n)
	default:
		return fmt.Sprintf("%.0f", float64(n)/1e6)
	}
}
