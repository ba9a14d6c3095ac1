// Package deadline reserves the end of an invocation's time for reporting the result.
package deadline

import (
	"context"
	"time"
)

// Bounds of the reserved time: to write one record takes well below a second, and its
// retries take a few seconds.
const (
	least = time.Second
	most  = 10 * time.Second
)

// WithReserve returns a context that ends before ctx: earlier by a tenth of the time
// left, but by at least one second and at most ten. If ctx has no deadline, the new
// context has none.
func WithReserve(ctx context.Context) (context.Context, context.CancelFunc) {
	end, ok := ctx.Deadline()
	if !ok {
		return context.WithCancel(ctx)
	}
	return context.WithDeadline(ctx, end.Add(-min(max(time.Until(end)/10, least), most)))
}
