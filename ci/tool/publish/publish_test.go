package publish

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
)

func TestPublish(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent(),
		goleak.IgnoreTopFunction("github.com/docker/go-events.(*Broadcaster).run")) // of the server, which never ends it
	t.Run("", testPublish) // a subtest, so that its registries end before goleak checks
}

func testPublish(t *testing.T) {
	r := registrytest.New(t)
	c := client(t, registry.Options{})
	a := newPublishing(t, hosts(r), first, "one", nil)

	plan, outcome, err := a.publish(t.Context(), c, false)
	require.NoError(t, err)
	assert.Equal(t, want(a), tags(t, r), "five images under ten tags, and three deploy copies")
	assert.Len(t, want(a), 16)
	pulls(t, r, want(a))
	attached(t, r, a)
	bytes, uploads := r.Uploaded()
	assert.Equal(t, plan.Bytes+plan.AttachedBytes, bytes, "the plan tells exactly the bytes")
	assert.Equal(t, plan.Bytes, outcome.Sent)
	assert.Equal(t, plan.AttachedBytes, outcome.Attached)
	assert.Equal(t, 2*8, plan.Attachments)
	// Per repository: base, ffmpeg if heavy, and a binary for each image.
	assert.Equal(t, (1+2)+(1+1)+(2+3)+(2+2), plan.Layers, "each layer once per repository")
	assert.Equal(t, plan.Layers+8+2*8+4, uploads, "configurations, documents, and the empty configuration of those")
	assert.Len(t, outcome.Moved, 8)

	t.Run("again: nothing is sent", func(t *testing.T) {
		r.Fail(nil)
		plan, outcome, err := a.publish(t.Context(), c, false)
		require.NoError(t, err)
		assertNoImageSent(t, r, plan, outcome)
		assert.Zero(t, plan.Attachments)
		assert.Empty(t, outcome.Moved)
		for _, s := range plan.Steps {
			assert.Equal(t, Skip, s.Action)
			assert.False(t, s.MovesLatest)
		}
		for _, q := range r.Requests() {
			assert.Contains(t, []string{http.MethodGet, http.MethodHead}, q.Method, "%+v", q)
		}
	})
	b := newPublishing(t, hosts(r), second, "one", nil)
	t.Run("another commit, nothing changed: only tags", func(t *testing.T) {
		r.Fail(nil)
		plan, outcome, err := b.publish(t.Context(), c, false)
		require.NoError(t, err)
		assertNoImageSent(t, r, plan, outcome)
		assert.Equal(t, 8, plan.Attachments, "each image is of this commit too")
		attached(t, r, a)
		attached(t, r, b)
		for _, s := range plan.Steps {
			assert.Equal(t, Retag, s.Action)
		}
		assert.Equal(t, want(a, b), tags(t, r))
	})
	d := newPublishing(t, hosts(r), third, "one", map[string]string{"enhance": "two"})
	t.Run("one public function edited: its layer once per registry", func(t *testing.T) {
		r.Fail(nil)
		plan, outcome, err := d.publish(t.Context(), c, false)
		require.NoError(t, err)
		assert.Equal(t, 2, plan.Layers)
		bytes, uploads := r.Uploaded()
		assert.Equal(t, plan.Bytes+plan.AttachedBytes, bytes)
		assert.Equal(t, 4+8+2, uploads, "a layer and a configuration in each, all that is of the commit, and a bill in each")
		attached(t, r, d)
		assert.Len(t, outcome.Moved, 2)
		assert.Equal(t, want(a, b, d), tags(t, r))
	})
	t.Run("a commit tag never changes", func(t *testing.T) {
		other := newPublishing(t, hosts(r), second, "three", nil)
		before := tags(t, r)
		_, _, err := other.publish(t.Context(), c, false)
		require.ErrorContains(t, err, "publish api: tag api-bbbbbbb in "+r.Host+"/lambda-private-light names "+b.images["api"].Digest.String()+" already")
		require.ErrorContains(t, err, "or use --force")
		assert.Equal(t, before, tags(t, r))

		_, _, err = other.publish(t.Context(), c, true)
		require.NoError(t, err)
		assert.Equal(t, want(a, b, d, other), tags(t, r))
	})
}

// assertNoImageSent asserts that nothing was sent except attached documents.
func assertNoImageSent(t *testing.T, r *registrytest.Registry, plan *Plan, outcome *Outcome) {
	t.Helper()
	bytes, uploads := r.Uploaded()
	assert.Equal(t, plan.AttachedBytes, bytes)
	assert.Equal(t, plan.AttachedBytes, outcome.Attached)
	assert.Equal(t, plan.Attachments, uploads)
	assert.Zero(t, plan.Bytes)
	assert.Zero(t, plan.Layers)
	assert.Zero(t, outcome.Sent)
}

func TestPublishWithABearerToken(t *testing.T) {
	r := registrytest.New(t)
	r.RequireToken(12) // a token ends many times in one publish
	a := newPublishing(t, hosts(r), first, "one", nil)
	_, _, err := a.publish(t.Context(), client(t, registry.Options{Keychain: registrytest.Login(registrytest.Password)}), false)
	require.NoError(t, err)
	assert.Equal(t, want(a), tags(t, r))

	_, _, err = a.publish(t.Context(), client(t, registry.Options{Keychain: registrytest.Login("wrong-password")}), false)
	require.ErrorContains(t, err, "401")
	assert.NotContains(t, err.Error(), "wrong-password")
}

func TestOnlySomeImages(t *testing.T) {
	r := registrytest.New(t)
	c := client(t, registry.Options{})
	a := newPublishing(t, hosts(r), first, "one", nil)
	_, _, err := a.publish(t.Context(), c, false)
	require.NoError(t, err)

	b := newPublishing(t, hosts(r), second, "two", nil)
	b.items = slices.DeleteFunc(b.items, func(i reference.Item) bool { return i.Image != "thumb" })
	_, outcome, err := b.publish(t.Context(), c, false)
	require.NoError(t, err)
	assert.Len(t, outcome.Moved, 2)
	expected := want(a)
	maps.Copy(expected, want(b))
	assert.Equal(t, expected, tags(t, r))
}

func TestConcurrentPublishesEndConsistent(t *testing.T) {
	r := registrytest.New(t)
	for round := range 5 {
		var all []publishing
		for n := range 3 {
			all = append(all, newPublishing(t, hosts(r), fmt.Sprintf("%07x", 0xabc0000+16*round+n), fmt.Sprintf("%d of %d", n, round), nil))
		}
		errs := make(chan error, len(all))
		for _, a := range all {
			go func() {
				_, _, err := a.publish(t.Context(), client(t, registry.Options{}), false)
				errs <- err
			}()
		}
		for range all {
			require.NoError(t, <-errs)
		}
		now := tags(t, r)
		winners := 0
		for _, a := range all {
			one := true
			for tag, digest := range want(a) {
				if strings.HasSuffix(tag, latestEnd) {
					one = one && now[tag] == digest
				} else {
					require.Equal(t, digest, now[tag], "nothing published is lost")
				}
			}
			if one {
				winners++
			}
		}
		require.Equal(t, 1, winners, "round %d: latest is of one commit: %v", round, now)
	}
}

// meddler moves the latest tags between two requests of a publish, as another publish at
// the same time would.
type meddler struct {
	*registry.Client
	moves func()
	left  int
}

func (m *meddler) PutManifest(ctx context.Context, repository, tag string, manifest []byte, media types.MediaType) error {
	err := m.Client.PutManifest(ctx, repository, tag, manifest, media)
	if strings.HasSuffix(tag, latestEnd) && m.left > 0 {
		m.left--
		m.moves()
	}
	return err
}

func TestALatestThatAnotherReleaseMovedIsSeen(t *testing.T) {
	r := registrytest.New(t)
	a, b := newPublishing(t, hosts(r), first, "one", nil), newPublishing(t, hosts(r), second, "two", nil)
	direct := client(t, registry.Options{})
	_, _, err := a.publish(t.Context(), direct, false)
	require.NoError(t, err)
	put := func(of publishing, items ...reference.Item) {
		for _, i := range items {
			img := of.images[i.Image]
			require.NoError(t, direct.PutManifest(t.Context(), i.Repository, i.LatestTag, img.Manifest, img.MediaType))
		}
	}
	t.Run("latest tags of two commits are fixed", func(t *testing.T) {
		m := &meddler{Client: client(t, registry.Options{}), left: 1}
		m.moves = func() { put(a, a.items[0], a.items[3]) }
		serial := NewPublisher(m, 1)
		state, err := serial.Inspect(t.Context(), b.items, b.images)
		require.NoError(t, err)
		plan, err := NewPlan(b.items, b.images, state, false)
		require.NoError(t, err)
		plan.Commit = second
		outcome, err := serial.Run(t.Context(), plan, b.images)
		require.NoError(t, err)
		assert.Empty(t, outcome.SupersededBy)
		assert.Equal(t, want(a, b), tags(t, r))
	})
	t.Run("another complete publish wins", func(t *testing.T) {
		put(a, a.items...)
		for _, i := range a.items { // a live tag is of no commit
			img, tag := a.images[i.Image], reference.LiveTag(i.Image, reference.Side{Account: "111111111111", Region: "eu-central-1"})
			require.NoError(t, direct.PutManifest(t.Context(), i.Repository, tag, img.Manifest, img.MediaType))
			t.Cleanup(func() { assert.NoError(t, direct.Untag(context.Background(), i.Repository, tag)) })
		}
		m := &meddler{Client: client(t, registry.Options{}), left: len(a.items)}
		m.moves = func() {
			if m.left == 0 { // after the last of ours
				put(a, a.items...)
			}
		}
		serial := NewPublisher(m, 1)
		state, err := serial.Inspect(t.Context(), b.items, b.images)
		require.NoError(t, err)
		plan, err := NewPlan(b.items, b.images, state, false)
		require.NoError(t, err)
		plan.Commit = second
		outcome, err := serial.Run(t.Context(), plan, b.images)
		require.NoError(t, err)
		assert.Equal(t, first, outcome.SupersededBy)
		now := tags(t, r)
		maps.DeleteFunc(now, func(tag, _ string) bool { return strings.HasSuffix(tag, reference.LiveSuffix) })
		assert.Equal(t, want(b, a), now)
	})
}

func TestInterrupted(t *testing.T) {
	r := registrytest.New(t)
	a, b := newPublishing(t, hosts(r), first, "one", nil), newPublishing(t, hosts(r), second, "two", nil)
	_, _, err := a.publish(t.Context(), client(t, registry.Options{}), false)
	require.NoError(t, err)
	total := 0
	for number := 1; ; number++ {
		require.Less(t, number, 500, "publish ends")
		ctx, cancel := context.WithCancel(t.Context())
		moving := false
		r.Fail(func(q registrytest.Request, _ http.ResponseWriter, req *http.Request, _ http.Handler) bool {
			if q.Number == number {
				moving = req.Method == http.MethodPut && strings.HasSuffix(q.Path, latestEnd)
				cancel()
			}
			return false
		})
		_, _, err := b.publish(ctx, client(t, registry.Options{}), false)
		total = len(r.Requests())
		r.Fail(nil)
		cancel()
		now := tags(t, r)
		if err != nil {
			for tag, digest := range want(a) {
				require.Equal(t, digest, now[tag], "interrupted at request %d: %s", number, tag)
			}
			require.False(t, moving, "an interrupt while latest moves does not stop it")
			continue
		}
		require.Equal(t, want(a, b), now, "interrupted at request %d", number)
		if number > total {
			return
		}
	}
}

var _ Registry = (*registry.Client)(nil)
