package deploy_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/internal/lambdafake"
)

// Of hundreds of functions, many calls are throttled: more than the SDK repeats. The
// release is made or rolled back all the same.
func TestAThrottledReleaseOfManyFunctions(t *testing.T) {
	for name, fails := range map[string]bool{"all are updated": false, "the last update fails": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.targets, w.o.Parallel, w.o.Alias = nil, deploy.DefaultParallel, "live"
			old := map[string]string{}
			for n := range 300 {
				name := fmt.Sprintf("F%03d", n)
				old[name] = w.images.add(t, repository, "old "+name, nil)
				w.aws.Add(name, repository+"@"+old[name])
				w.targets = append(w.targets, deploy.Target{Image: name, Lambda: name, Repository: repository, Digest: w.images.add(t, repository, "new "+name, nil)})
			}
			w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
				switch {
				case c.Count <= 2: // each first call, and the first repetition
					return lambdafake.Reply{Status: http.StatusTooManyRequests, Code: "TooManyRequestsException", Message: "Rate Exceeded."}
				case fails && c.URI == w.targets[299].Repository+"@"+w.targets[299].Digest && !c.DryRun:
					return lambdafake.Reply{Fail: "InvalidImage: bad"}
				default:
					return lambdafake.Reply{}
				}
			}
			start := time.Now()
			results, err := w.release(t.Context(), t)
			t.Logf("%.1f s, %d calls of GetFunction, %d of UpdateFunctionCode", time.Since(start).Seconds(), len(w.aws.Calls("GetFunction")), len(w.aws.Calls(update)))
			if !fails {
				require.NoError(t, err)
				for _, r := range results {
					require.Equal(t, r.Digest, deploy.DigestOf(w.aws.Image(r.Lambda)), r.Lambda)
				}
				return
			}
			var back *deploy.RolledBack
			require.ErrorAs(t, err, &back)
			assert.GreaterOrEqual(t, back.Count, 290)
			for name, digest := range old {
				require.Equal(t, digest, deploy.DigestOf(w.aws.Image(name)), name)
			}
		})
	}
}
