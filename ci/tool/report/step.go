package report

import (
	"context"
	"fmt"
	"math"
	"sync"
	"time"
)

// Bytes is the unit of [Counting] for bytes, which are shown in megabytes.
const Bytes = "MB"

// step is a step that runs.
type step struct {
	name  string
	start time.Time
	line  func(text string)

	mu   sync.Mutex
	part part
}

// part is what a step does now.
type part struct {
	what, unit  string
	done, total int64 // total is 0 if nothing is counted
	from, last  mark  // the speed is that since from
}

// mark is how much was done at a point in time.
type mark struct {
	at   time.Time
	done int64
}

// window is how much time is between two marks: the speed is that of the last one or two
// windows, because what comes first is often fast, or slow.
const window = 10 * time.Second

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
	now := mark{at: time.Now()}
	begin(ctx, part{what: verb, total: total, unit: unit, from: now, last: now})
}

// Add counts n more as done. Less than 0 takes back what has to be done again.
func Add(ctx context.Context, n int64) {
	if s, ok := ctx.Value(stepKey{}).(*step); ok {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.part.done += n
		s.part.mark(time.Now())
	}
}

// Warn prints a warning while the step of the context runs.
func Warn(ctx context.Context, text string) {
	if s, ok := ctx.Value(stepKey{}).(*step); ok {
		s.line("ci: warning: " + Line(text))
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
	now := time.Now()
	s.mu.Lock()
	s.part.mark(now)
	p := s.part
	s.mu.Unlock()
	head = "… " + s.name
	if p.what != "" {
		head += ": " + p.what
	}
	if p.total > 0 {
		head += fmt.Sprintf(" %s of %s %s", p.amount(min(p.done, p.total)), p.amount(p.total), p.unit)
	}
	if left, ok := p.left(now); ok {
		tail = fmt.Sprintf(", %.0f s left", math.Ceil(left.Seconds()))
	}
	return head, tail + fmt.Sprintf("  %.0f s", now.Sub(s.start).Truncate(time.Second).Seconds())
}

// mark begins a new window if the last one has passed.
func (p *part) mark(now time.Time) {
	if now.Sub(p.last.at) >= window {
		p.from, p.last = p.last, mark{now, p.done}
	}
}

// left is how long the rest takes, if it goes on as fast as in the last window.
func (p part) left(now time.Time) (time.Duration, bool) {
	took, did := now.Sub(p.from.at), p.done-p.from.done
	if did <= 0 || p.done >= p.total || took < quiet {
		return 0, false
	}
	return time.Duration(float64(took) / float64(did) * float64(p.total-p.done)), true
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
