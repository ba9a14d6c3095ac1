package report

import (
	"bytes"
	"context"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProgress(t *testing.T) {
	nothing := func(context.Context) {}
	for name, c := range map[string]struct {
		takes time.Duration
		does  func(ctx context.Context)
		err   error
		want  []string
	}{
		"a short step prints nothing":            {900 * time.Millisecond, nothing, nil, nil},
		"a short step that fails prints nothing": {900 * time.Millisecond, nothing, errors.New("no"), nil},
		"a step longer than a second":            {1500 * time.Millisecond, nothing, nil, []string{"… compile  1 s", "✓ compile  1.50 s"}},
		"a step longer than a second that fails": {1500 * time.Millisecond, nothing, errors.New("no"), []string{"… compile  1 s", "✗ compile  1.50 s"}},
		"the lines of a long step come less and less often": {300 * time.Second, nothing, nil, []string{
			"… compile  1 s", "… compile  3 s", "… compile  8 s", "… compile  18 s", "… compile  48 s",
			"… compile  108 s", "… compile  168 s", "… compile  228 s", "… compile  288 s", "✓ compile  300 s"}},
		"bytes, and what is done when all are sent": {20 * time.Second, func(ctx context.Context) {
			Counting(ctx, "sent", 2_809e6, Bytes)
			time.Sleep(500 * time.Millisecond)
			for range 9 {
				Add(ctx, 300e6)
				time.Sleep(time.Second)
			}
			Add(ctx, 109e6)
			time.Sleep(3 * time.Second)
			Counting(ctx, "tagged", 1000, "images")
			time.Sleep(3 * time.Second)
			Add(ctx, 200)
			time.Sleep(5 * time.Second)
		}, nil, []string{
			"… compile: sent 300 of 2809 MB, 9 s left  1 s", "… compile: sent 900 of 2809 MB, 7 s left  3 s", "… compile: sent 2400 of 2809 MB, 2 s left  8 s",
			"… compile: tagged 200 of 1000 images, 22 s left  18 s", "✓ compile  20 s"}},
		"few bytes": {1500 * time.Millisecond, func(ctx context.Context) {
			Counting(ctx, "received", 3_450_000, Bytes)
			Add(ctx, 150_000)
		}, nil, []string{"… compile: received 0.1 of 3.5 MB, 22 s left  1 s", "✓ compile  1.50 s"}},
		"more bytes than there are, after another try": {1500 * time.Millisecond, func(ctx context.Context) {
			Counting(ctx, "received", 1e6, Bytes)
			Add(ctx, 2e6)
		}, nil, []string{"… compile: received 1.0 of 1.0 MB  1 s", "✓ compile  1.50 s"}},
		"no guess from the first moment": {3500 * time.Millisecond, func(ctx context.Context) {
			time.Sleep(2900 * time.Millisecond)
			Counting(ctx, "received", 100e6, Bytes)
			Add(ctx, 1e6)
		}, nil, []string{"… compile  1 s", "… compile: received 1 of 100 MB  3 s", "✓ compile  3.50 s"}},
		"fast at first": {49 * time.Second, func(ctx context.Context) {
			Counting(ctx, "checked", 1000, "images")
			Add(ctx, 840)
			time.Sleep(500 * time.Millisecond)
			for range 48 {
				time.Sleep(time.Second)
				Add(ctx, 1)
			}
		}, nil, []string{"… compile: checked 840 of 1000 images, 1 s left  1 s", "… compile: checked 842 of 1000 images, 1 s left  3 s", "… compile: checked 847 of 1000 images, 2 s left  8 s",
			"… compile: checked 857 of 1000 images, 4 s left  18 s", "… compile: checked 887 of 1000 images, 117 s left  48 s", "✓ compile  49 s"}},
		"no more after some time": {49 * time.Second, func(ctx context.Context) {
			Counting(ctx, "sent", 100e6, Bytes)
			time.Sleep(500 * time.Millisecond)
			Add(ctx, 50e6)
		}, nil, []string{"… compile: sent 50 of 100 MB, 1 s left  1 s", "… compile: sent 50 of 100 MB, 3 s left  3 s", "… compile: sent 50 of 100 MB, 8 s left  8 s",
			"… compile: sent 50 of 100 MB, 18 s left  18 s", "… compile: sent 50 of 100 MB  48 s", "✓ compile  49 s"}},
		"nothing to count": {1500 * time.Millisecond, func(ctx context.Context) { Counting(ctx, "sent", 0, Bytes) }, nil, []string{"… compile  1 s", "✓ compile  1.50 s"}},
		"what it does":     {1500 * time.Millisecond, func(ctx context.Context) { Doing(ctx, "link") }, nil, []string{"… compile: link  1 s", "✓ compile  1.50 s"}},
		"what it did":      {1500 * time.Millisecond, func(ctx context.Context) { Doing(ctx, "link"); Doing(ctx, "") }, nil, []string{"… compile  1 s", "✓ compile  1.50 s"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				start := time.Now()
				ctx, done := NewProgress(&out).Start(t.Context(), "compile")
				c.does(ctx)
				time.Sleep(c.takes - time.Since(start))

				done(c.err)

				var want string
				if c.want != nil {
					want = strings.Join(c.want, "\n") + "\n"
				}
				assert.Equal(t, want, out.String())
				time.Sleep(time.Hour)
				assert.Equal(t, want, out.String(), "nothing is printed after the end")
			})
		})
	}
}

func TestProgressSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				done := p.Step("step")
				time.Sleep(2 * time.Second)
				p.Line("between")
				done(nil)
			})
		}
		all.Wait()

		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		assert.Len(t, lines, 60)
		whole := regexp.MustCompile(`^(… step  1 s|✓ step  2\.00 s|between)$`)
		for _, line := range lines {
			assert.Regexp(t, whole, line)
		}
	})
}

// What counts does so also where no step was begun.
func TestWithoutAStep(t *testing.T) {
	assert.NotPanics(t, func() {
		Doing(t.Context(), "link")
		Counting(t.Context(), "sent", 1, Bytes)
		Add(t.Context(), 1)
	})
}
