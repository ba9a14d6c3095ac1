package deadline_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/shared/deadline"
)

func TestWithReserve(t *testing.T) {
	for name, test := range map[string]struct{ left, reserve time.Duration }{
		"a tenth":        {time.Minute, 6 * time.Second},
		"at least":       {3 * time.Second, time.Second},
		"at most":        {15 * time.Minute, 10 * time.Second},
		"less than that": {500 * time.Millisecond, time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			end := time.Now().Add(test.left)
			ctx, cancel := context.WithDeadline(t.Context(), end)
			defer cancel()
			got, stop := deadline.WithReserve(ctx)
			defer stop()
			gotEnd, _ := got.Deadline()
			assert.InDelta(t, test.reserve.Seconds(), end.Sub(gotEnd).Seconds(), 0.05)
		})
	}
	t.Run("no deadline", func(t *testing.T) {
		got, stop := deadline.WithReserve(t.Context())
		defer stop()
		_, has := got.Deadline()
		assert.False(t, has)
	})
}
