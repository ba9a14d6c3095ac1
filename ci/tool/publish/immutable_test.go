package publish

import (
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/registry"
)

// immutable makes a repository refuse to set a commit tag again, as ECR does. Tags that
// list what is attached to an image may change: ECR does not need them, this server does.
func immutable(existing map[string]string) registrytest.Fault {
	var mu sync.Mutex
	there := map[string]bool{}
	for tag := range existing {
		_, name, _ := strings.Cut(tag, ":")
		there[path.Dir(strings.Replace(tag, ":", "/", 1))+"/"+name] = true
	}
	return func(q registrytest.Request, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		tag := strings.TrimPrefix(strings.Replace(q.Path, "/manifests/", "/", 1), "/v2/")
		if q.Kind != "manifest" || strings.HasSuffix(tag, latestEnd) || strings.Contains(tag, "sha256:") || strings.Contains(tag, "/sha256-") {
			return false
		}
		mu.Lock()
		defer mu.Unlock()
		switch q.Method {
		case http.MethodDelete:
			there[tag] = false
		case http.MethodPut:
			if there[tag] {
				w.WriteHeader(http.StatusBadRequest)
				_, _ = w.Write([]byte(`{"errors":[{"code":"TAG_INVALID","message":"The image tag already exists and cannot be overwritten because the repository is immutable."}]}`))
				return true
			}
			there[tag] = true
		}
		return false
	}
}

func TestImmutableTags(t *testing.T) {
	r := registrytest.New(t)
	c := client(t, registry.Options{})
	a := newPublishing(t, hosts(r), first, "one", nil)
	_, _, err := a.publish(t.Context(), c, false)
	require.NoError(t, err)

	t.Run("a tag that another run has just set to the same image is accepted", func(t *testing.T) {
		r.Fail(immutable(want(a)))
		stale := NewPublisher(c, 0)
		state, err := stale.Inspect(t.Context(), a.items, a.images)
		require.NoError(t, err)
		for _, repository := range state {
			clear(repository.Tags) // as if it had been read before the tags were set
		}
		plan, err := NewPlan(a.items, a.images, state, false)
		require.NoError(t, err)
		_, err = stale.Run(t.Context(), plan, a.images)
		require.NoError(t, err)
		assert.Equal(t, want(a), tags(t, r))
	})
	other := newPublishing(t, hosts(r), first, "two", nil)
	t.Run("a tag that another run has just set to another image is reported", func(t *testing.T) {
		r.Fail(immutable(want(a)))
		stale := NewPublisher(c, 1)
		state, err := stale.Inspect(t.Context(), other.items, other.images)
		require.NoError(t, err)
		for _, repository := range state {
			clear(repository.Tags)
		}
		plan, err := NewPlan(other.items, other.images, state, false)
		require.NoError(t, err)
		_, err = stale.Run(t.Context(), plan, other.images)
		require.ErrorContains(t, err, "publish api: tag api-aaaaaaa in ")
		require.ErrorContains(t, err, "cannot be overwritten because the repository is immutable")
		require.ErrorContains(t, err, "it names "+a.images["api"].Digest.String()+" now")
		require.ErrorContains(t, err, "no latest tag was moved")
		assert.Equal(t, want(a), tags(t, r))
	})
	t.Run("force removes the tag first", func(t *testing.T) {
		r.Fail(immutable(want(a)))
		_, _, err := other.publish(t.Context(), c, true)
		require.NoError(t, err)
		assert.Equal(t, want(other), tags(t, r))
		deleted := slices.DeleteFunc(r.Requests(), func(q registrytest.Request) bool { return q.Method != http.MethodDelete })
		assert.Len(t, deleted, len(other.items))
	})
}

func TestAFirstPublishThatFailsLeavesNoLatest(t *testing.T) {
	r := registrytest.New(t)
	a := newPublishing(t, hosts(r), first, "one", nil)
	var mu sync.Mutex
	puts := 0
	r.Fail(func(q registrytest.Request, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		mu.Lock()
		defer mu.Unlock()
		if movesLatest(q) {
			if puts++; puts > 3 { // the server refuses the others each time
				w.WriteHeader(http.StatusBadRequest)
				return true
			}
		}
		return false
	})
	_, _, err := a.publish(t.Context(), client(t, registry.Options{}), false)
	require.ErrorContains(t, err, "every latest tag was rolled back")
	expected := want(a)
	maps.DeleteFunc(expected, func(tag, _ string) bool { return strings.HasSuffix(tag, latestEnd) })
	assert.Equal(t, expected, tags(t, r))

	r.Fail(nil)
	_, _, err = a.publish(t.Context(), client(t, registry.Options{}), false)
	require.NoError(t, err)
	bytes, _ := r.Uploaded()
	assert.Zero(t, bytes, "what was sent before is not sent again")
	assert.Equal(t, want(a), tags(t, r))
}
