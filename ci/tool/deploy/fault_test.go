package deploy_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/internal/lambdafake"
)

func TestEveryFaultAtEveryPosition(t *testing.T) {
	cases := 0
	for name, fault := range faults {
		for victim := range names {
			cases++
			seed := uint64(cases)
			t.Run(fmt.Sprintf("%s/%s", name, names[victim]), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				random := rand.New(rand.NewPCG(seed, uint64(victim)))
				w.o.Parallel = 1 + random.IntN(5)
				w.o.Smoke = true
				w.aws.Takes = time.Duration(random.IntN(3000)) * time.Microsecond
				t.Logf("seed %d: %d at once, an update takes %s", seed, w.o.Parallel, w.aws.Takes)
				if fault.impatient {
					w.o.Pace.Settle, w.o.Pace.Revert = 250*time.Millisecond, time.Second
				}
				if fault.prepare != nil {
					fault.prepare(w, victim)
				}
				own := special(w, name, victim)
				w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
					switch {
					case c.Function != names[victim]:
						return lambdafake.Reply{}
					case own != nil:
						return own(c)
					case fault.answer != nil:
						return fault.answer(w, victim, c)
					default:
						return lambdafake.Reply{}
					}
				}

				results, err := w.release(t.Context(), t)

				got := judge(t, w, victim, results, err)
				assert.Equal(t, fault.want, got, "%v", err)
			})
		}
	}
	assert.Greater(t, cases, 100)
	t.Logf("%d cases", cases)
}

// judge asserts that the results are what the functions run, and returns how the release
// ended.
func judge(t *testing.T, w *world, victim int, results []deploy.Result, err error) outcome {
	t.Helper()
	var back *deploy.RolledBack
	var mix *deploy.Mixed
	switch {
	case err == nil:
		assert.Equal(t, w.new, w.running())
		for _, r := range results {
			assert.Equal(t, deploy.Updated, r.State, r.Lambda)
		}
		return done
	case results == nil:
		assert.Empty(t, w.aws.Calls(update))
		require.ErrorContains(t, err, names[victim])
		return refused
	case errors.As(err, &back):
		assert.Equal(t, w.old, w.running())
		for n, r := range results {
			assert.Contains(t, []deploy.State{deploy.Restored, deploy.Untouched}, r.State, r.Lambda)
			assert.Equal(t, w.old[n], r.Now, r.Lambda)
		}
		require.ErrorContains(t, err, "every function runs the same image as before")
		return undone
	}
	require.ErrorAs(t, err, &mix)
	require.Len(t, mix.Stuck, 1)
	assert.Equal(t, names[victim], mix.Stuck[0].Lambda)
	assert.NotEmpty(t, mix.Stuck[0].Fix)
	require.ErrorContains(t, err, "type: ")
	require.ErrorContains(t, err, mix.Stuck[0].Stuck)
	for n, digest := range w.running() {
		if n != victim {
			assert.Equal(t, w.old[n], digest, names[n])
		}
	}
	return mixed
}

func TestAnInterruptFinishesOrUndoes(t *testing.T) {
	for at := range 12 {
		t.Run(fmt.Sprintf("at call %d", at), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.aws.Takes = 2 * time.Millisecond
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var count atomic.Int64
			w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
				if c.Operation == update && !c.DryRun && count.Add(1) > int64(at/2) {
					cancel()
				}
				return lambdafake.Reply{}
			}

			results, err := w.release(ctx, t)

			require.NotNil(t, results)
			if err == nil {
				assert.Equal(t, w.new, w.running())
				return
			}
			require.ErrorContains(t, err, "interrupted")
			var back *deploy.RolledBack
			require.ErrorAs(t, err, &back)
			assert.Equal(t, w.old, w.running())
			assert.Contains(t, strings.Join(w.lines, "\n"), "interrupted: waiting for the running updates")
		})
	}
}

func TestAnInterruptBeforeAnyUpdate(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := w.release(ctx, t)

	require.EqualError(t, err, "interrupted; no function was changed")
	assert.Empty(t, w.aws.Calls(update))
}
