package deploy_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/internal/lambdafake"
)

// trying has five functions whose alias leads to version 1, with some calls, and a release that
// gives a tenth of the calls to the new versions for five minutes.
func trying(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.o.Alias, w.o.Canary = "live", deploy.Canary{Share: 0.1, Bake: 5 * time.Minute, Alarm: "pager"}
	for n, name := range names {
		w.aws.Change(name, func(f *lambdafake.Function) {
			f.Versions, f.Aliases["live"] = []string{repository + "@" + w.old[n]}, "1"
		})
		w.aws.Traffic(name, "live", "1", 900, 9)
		w.aws.Traffic(name, "live", "2", 100, 1)
	}
	w.aws.Alarm("pager", "OK")
	now := time.Date(2026, 5, 22, 12, 0, 0, 0, time.UTC)
	w.o.Clock = deploy.Clock{
		Now: func() time.Time { return now },
		Sleep: func(ctx context.Context, d time.Duration) error {
			now = now.Add(d)
			return ctx.Err()
		},
	}
	return w
}

// during calls do once at the nth reading of the metrics; the first is before the release.
func (w *world) during(nth int, do func()) {
	w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
		if c.Operation == "GetMetricData" && c.Count == nth {
			return lambdafake.Reply{Before: do}
		}
		return lambdafake.Reply{}
	}
}

// readings are those of the metrics in a bake of five minutes, and the one before.
const readings = 21

func TestWhatACanaryShows(t *testing.T) {
	for name, c := range map[string]struct {
		world func(w *world)
		want  string // in the error; "" if the canary passes
	}{
		"nothing new": {func(*world) {}, ""},
		"no calls":    {func(w *world) { w.aws.Traffic("Thumb", "live", "2", 0, 0) }, ""},
		"the alarm is on for lack of data, then OK": {func(w *world) {
			w.aws.Alarm("pager", "INSUFFICIENT_DATA")
			w.during(5, func() { w.aws.Alarm("pager", "OK") })
		}, ""},
		"one function fails more than before": {func(w *world) {
			w.during(7, func() { w.aws.Traffic("Thumb", "live", "2", 100, 2) })
		}, "canary of thumb (Thumb): version 2: 2 of 100 calls failed (version 1: 9 of 900 calls failed)"},
		"the last reading is the first with an error": {func(w *world) {
			w.during(readings, func() { w.aws.Traffic("Video", "live", "2", 100, 90) })
		}, "canary of video (Video): version 2: 90 of 100 calls failed"},
		"errors before calls are known": {func(w *world) {
			w.aws.Traffic("Api", "live", "2", 0, 1)
		}, "canary of api (Api): version 2: 1 of 0 calls failed"},
		"the alarm is on": {func(w *world) {
			w.during(4, func() { w.aws.Alarm("pager", "ALARM") })
		}, "canary: the alarm pager is on: as the test wants"},
		"the alarm never has data": {func(w *world) {
			w.aws.Alarm("pager", "INSUFFICIENT_DATA")
		}, "canary: the alarm pager is INSUFFICIENT_DATA, so it is unknown what it says"},
		"the alarm is deleted": {func(w *world) {
			w.during(4, func() { w.aws.Alarm("pager", "") })
		}, "canary: the alarm pager is , so it is unknown"},
		"the metrics may not be read any more": {func(w *world) {
			w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
				if c.Operation == "GetMetricData" && c.Count > 2 {
					return denied
				}
				return lambdafake.Reply{}
			}
		}, "canary: it is unknown how the new versions behave: GetMetricData: AccessDeniedException"},
		"one alias cannot be shifted": {func(w *world) {
			w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
				if c.Operation == "UpdateAlias" && c.Function == "Select" && c.Count == 1 {
					return denied
				}
				return lambdafake.Reply{}
			}
		}, "shift the alias of select (Select): UpdateAlias Select:live: AccessDeniedException"},
		"one alias cannot be moved after the bake": {func(w *world) {
			w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
				if c.Operation == "UpdateAlias" && c.Function == "Select" && c.Count == 2 {
					return denied
				}
				return lambdafake.Reply{}
			}
		}, "move the alias of select (Select): UpdateAlias Select:live: AccessDeniedException"},
		"an answer about a shift is lost": {func(w *world) {
			w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
				return lambdafake.Reply{Drop: c.Operation == "UpdateAlias" && c.Count == 1}
			}
		}, ""},
		"another moves an alias in the bake": {func(w *world) {
			w.during(4, func() {
				w.aws.Change("Select", func(f *lambdafake.Function) { f.Weights["live"] = nil })
			})
		}, "move the alias of select (Select): another deployment has moved it to version 1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := trying(t)
			c.world(w)

			results, err := w.release(t.Context(), t)

			want := w.new
			if c.want != "" {
				want = w.old
				var back *deploy.RolledBack
				require.ErrorAs(t, err, &back)
				require.ErrorContains(t, err, c.want)
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, want, w.running())
			for n, name := range names {
				assert.Equal(t, want[n], w.alias(name), name)
				assert.Empty(t, w.aws.Split(name, "live"), name)
				if c.want == "" {
					require.NotNil(t, results[n].Canary)
				}
			}
			if name == "no calls" {
				assert.Equal(t, "not called", results[3].Canary.String())
			}
		})
	}
}

// All get their share before the bake, and none gets more before its end.
func TestTheSharesDuringACanary(t *testing.T) {
	w := trying(t)
	seen := 0
	w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
		if c.Operation != "GetMetricData" || c.Count == 1 {
			return lambdafake.Reply{}
		}
		return lambdafake.Reply{Before: func() {
			seen++
			for n, name := range names {
				assert.Equal(t, map[string]float64{"2": 0.1}, w.aws.Split(name, "live"), name)
				assert.Equal(t, w.old[n], w.alias(name), name)
			}
		}}
	}

	_, err := w.release(t.Context(), t)

	require.NoError(t, err)
	assert.Equal(t, readings-1, seen)
}

func TestAnInterruptDuringACanary(t *testing.T) {
	for _, at := range []int{2, 10, readings} {
		t.Run(fmt.Sprint("at reading ", at), func(t *testing.T) {
			w := trying(t)
			ctx, cancel := context.WithCancel(t.Context())
			w.during(at, cancel)

			_, err := w.release(ctx, t)

			var back *deploy.RolledBack
			require.ErrorAs(t, err, &back)
			require.ErrorContains(t, err, "interrupted")
			assert.Equal(t, w.old, w.running())
			for n, name := range names {
				assert.Equal(t, w.old[n], w.alias(name), name)
				assert.Empty(t, w.aws.Split(name, "live"), name)
			}
		})
	}
}

// What cannot be watched is refused before anything is changed.
func TestACanaryThatCannotBeWatched(t *testing.T) {
	refusing := func(operation string) func(w *world) {
		return func(w *world) {
			w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
				if c.Operation == operation {
					return denied
				}
				return lambdafake.Reply{}
			}
		}
	}
	for name, c := range map[string]struct {
		world func(w *world)
		want  string
	}{
		"the metrics may not be read": {refusing("GetMetricData"), "a canary needs cloudwatch:GetMetricData"},
		"the alarm may not be read":   {refusing("DescribeAlarms"), "a canary with an alarm needs cloudwatch:DescribeAlarms"},
		"no such alarm":               {func(w *world) { w.o.Canary.Alarm = "other" }, "--alarm: there is no alarm other in the region"},
		"the alarm is on":             {func(w *world) { w.aws.Alarm("pager", "ALARM") }, "--alarm: pager is on already (as the test wants)"},
		"an alias of $LATEST": {func(w *world) {
			w.aws.Change("Api", func(f *lambdafake.Function) { f.Aliases["live"] = "$LATEST" })
		}, "the alias live names $LATEST, whose calls Lambda cannot split"},
		"no alias": {func(w *world) {
			for _, name := range names {
				w.aws.Change(name, func(f *lambdafake.Function) { delete(f.Aliases, "live") })
			}
		}, "--canary: no alias live leads to an older version"},
	} {
		t.Run(name, func(t *testing.T) {
			w := trying(t)
			c.world(w)

			_, err := w.release(t.Context(), t)

			require.ErrorContains(t, err, c.want)
			require.ErrorContains(t, err, "no function was changed")
			assert.Empty(t, w.aws.Calls(update))
			assert.Empty(t, w.aws.Calls("UpdateAlias"))
		})
	}
}

// A function without the alias gets it when the others have passed.
func TestAFunctionWithoutTheAlias(t *testing.T) {
	w := trying(t)
	w.aws.Change("Video", func(f *lambdafake.Function) { delete(f.Aliases, "live") })
	w.during(readings, func() { assert.Empty(t, w.alias("Video")) })

	results, err := w.release(t.Context(), t)

	require.NoError(t, err)
	assert.Contains(t, results[4].Warning, "it has no alias live yet")
	assert.Nil(t, results[4].Canary)
	assert.Equal(t, w.new[4], w.alias("Video"))
}
