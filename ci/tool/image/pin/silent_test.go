package pin_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

// A registry that answers late or not at all is not waited for again, for a short time, where
// the build goes on without it; whoever named it waits.
func TestASilentRegistryIsNotWaitedForTwice(t *testing.T) {
	r := testkit.NewRegistry(t)
	r.Answer = func(w http.ResponseWriter, _ *http.Request) bool {
		time.Sleep(600 * time.Millisecond) // as if nothing came
		w.WriteHeader(http.StatusProxyAuthRequired)
		return true
	}
	locked, o := lock.Image{Reference: r.Host + "/base:1"}, pin.Options{Cached: uncached}
	asked := func(t *testing.T) (pin.Choice, bool) {
		t.Helper()
		before := r.Requests.Load()
		got, err := pin.Choose(t.Context(), locked, o)
		require.NoError(t, err)
		assert.Equal(t, image.Offline, got.Pin)
		return got, r.Requests.Load() > before
	}

	t.Run("where others could write, as in a container", func(t *testing.T) {
		t.Setenv("XDG_RUNTIME_DIR", "/tmp")
		for range 2 {
			_, yes := asked(t)
			assert.True(t, yes)
		}
	})

	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	first, yes := asked(t)
	require.True(t, yes)
	assert.NotContains(t, first.Reason, "ago")
	again, yes := asked(t)
	assert.False(t, yes)
	assert.Contains(t, again.Reason, first.Reason+"; this was ")
	assert.Regexp(t, `; this was \S+ s ago, and \S+ is asked again in \d+ s, or as soon as this machine's network changes$`, again.Reason)

	before := r.Requests.Load()
	o.Explicit = locked.Reference
	_, err := pin.Choose(t.Context(), locked, o)
	require.Error(t, err)
	assert.Greater(t, r.Requests.Load(), before, "the user named it")
	o.Explicit = ""

	t.Setenv("NO_PROXY", "elsewhere.test")
	_, yes = asked(t)
	assert.True(t, yes, "the network changed")
}

// What is refused at once costs nothing to ask for again.
func TestARefusalIsAskedForAgain(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	r := testkit.NewRegistry(t)
	r.Stop()
	locked, o := lock.Image{Reference: r.Host + "/base:1"}, pin.Options{Cached: uncached}
	got, err := pin.Choose(t.Context(), locked, o)
	require.NoError(t, err)
	require.Equal(t, image.Offline, got.Pin)

	r.Restart(t)
	_, err = pin.Choose(t.Context(), locked, o)
	require.ErrorContains(t, err, "does not exist", "it was asked")
}
