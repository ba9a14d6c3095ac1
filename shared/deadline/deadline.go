// Package deadline keeps part of an invocation's time for reporting how it went.
package deadline

import (
	"context"
	"time"
)

// Bounds of the time kept: writing one record takes well below a second, and its
// retries a few.
const (
	least = time.Second
	most  = 10 * time.Second
)

// WithReserve returns a context that ends before ctx does: by a tenth of the time
// left, but at least one and at most ten seconds. A context without deadline stays
// without one.
func WithReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-min(max(time.Until(end)/10, least), most)))
}
