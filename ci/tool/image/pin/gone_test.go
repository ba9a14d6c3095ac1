package pin_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

// answer makes the registry answer with the status.
func answer(status int, header ...string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		for n := 0; n < len(header); n += 2 {
			w.Header().Set(header[n], header[n+1])
		}
		w.WriteHeader(status)
		return true
	}
}

func TestAPinThatCannotBePulledSaysWhatToDo(t *testing.T) {
	img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x"))
	digest := testkit.DigestOf(t, img).String()
	other := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "another"))
	for name, c := range map[string]struct {
		registry func(*testing.T, *testkit.Registry)
		mirror   bool
		want     string // HOST is the registry's
	}{
		"gone, the tag names another image": {func(t *testing.T, r *testkit.Registry) { r.Push(t, "base:1", other) }, false,
			"HOST/base:1@" + digest + " is gone from its registry; the tag names " + testkit.DigestOf(t, other).String() + " now; to use that: bin/ci lock, then commit ci/images.lock.json"},
		"gone with its tag": {func(*testing.T, *testkit.Registry) {}, false,
			"HOST/base:1@" + digest + " is gone from its registry, and so is the tag; name another image in ci/images.lock.json, then run: bin/ci lock"},
		"gone from the mirror": {func(*testing.T, *testkit.Registry) {}, true,
			"example.com/base:1@" + digest + " (from HOST/cache/base:1@" + digest + ") is gone from its registry, and so is the tag; "},
		"rate-limited": {func(_ *testing.T, r *testkit.Registry) {
			r.Answer = answer(http.StatusTooManyRequests, "Retry-After", "120")
		}, false,
			"HOST/base:1@" + digest + ": the registry limits pulls (429 Too Many Requests); log in (docker login HOST), name a mirror in ci/images.lock.json, or run the same command again in a minute"},
		"a mirror that is down": {func(_ *testing.T, r *testkit.Registry) { r.Stop() }, true,
			"use the mirror of example.com/base:1@" + digest + ": "},
	} {
		t.Run(name, func(t *testing.T) {
			r := testkit.NewRegistry(t)
			c.registry(t, r)
			locked, o := lock.Image{Reference: r.Host + "/base:1", Digest: digest}, pin.Options{Cached: uncached}
			if c.mirror {
				locked.Reference, o.Mirrors = "example.com/base:1", lock.Mirrors{"example.com": r.Host + "/cache"}
			}

			_, err := pin.Choose(t.Context(), locked, o)

			require.ErrorContains(t, err, strings.ReplaceAll(c.want, "HOST", r.Host))
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

// Where an image is pulled from is not part of what is said of it.
func TestAMirrorServesTheSameImage(t *testing.T) {
	img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x"))
	digest := testkit.DigestOf(t, img)
	r := testkit.NewRegistry(t)
	r.Push(t, "cache/library/base:1", img)
	locked := lock.Image{Reference: "docker.io/library/base:1", Digest: digest.String()}

	got, err := pin.Choose(t.Context(), locked, pin.Options{Cached: uncached, Mirrors: lock.Mirrors{"docker.io": r.Host + "/cache"}})

	require.NoError(t, err)
	assert.Equal(t, pin.Choice{
		Name: locked.Reference, Digest: digest, Pin: image.Pinned,
		Reference: r.Host + "/cache/library/base:1@" + digest.String(),
	}, got)
}

func TestABusyRegistryIsAskedAgain(t *testing.T) {
	img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x"))
	r := testkit.NewRegistry(t)
	locked := lock.Image{Reference: r.Push(t, "base:1", img), Digest: testkit.DigestOf(t, img).String()}
	var busy atomic.Int64
	r.Answer = func(w http.ResponseWriter, _ *http.Request) bool {
		if busy.Add(1) > 1 {
			return false
		}
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}

	got, err := pin.Choose(t.Context(), locked, pin.Options{Cached: uncached})

	require.NoError(t, err)
	assert.Equal(t, image.Pinned, got.Pin)
}

func TestRefresh(t *testing.T) {
	day := time.Date(2026, 11, 28, 23, 0, 0, 0, time.UTC)
	img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x"))
	other := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, strings.Repeat("another", 100)))
	digest, otherDigest := testkit.DigestOf(t, img).String(), testkit.DigestOf(t, other).String()
	const read = "read from its registry on 2026-11-28"
	for name, c := range map[string]struct {
		before    lock.Image // with its tag in place of the reference
		want      lock.Image
		state     string
		refuse    bool
		wasAround bool
	}{
		"a digest that others published": {before: lock.Image{Digest: digest, Source: "as published by others on 2026-09-24"}, want: lock.Image{Digest: digest, Source: read}, state: "unchanged"},
		"one that was read before stays": {before: lock.Image{Digest: digest, Source: "read from its registry on 2026-01-01"}, want: lock.Image{Digest: digest, Source: "read from its registry on 2026-01-01"}, state: "unchanged"},
		"a tag that moved on":            {before: lock.Image{Digest: otherDigest, Source: "read from its registry on 2026-01-01"}, want: lock.Image{Digest: digest, Source: read}, state: "changed", wasAround: true},
		"a digest that is gone":          {before: lock.Image{Digest: "sha256:" + strings.Repeat("0", 64)}, want: lock.Image{Digest: digest, Source: read}, state: "changed"},
		"none yet":                       {before: lock.Image{Unresolved: "because"}, want: lock.Image{Digest: digest, Source: read}, state: "changed"},
		"a registry that refuses":        {before: lock.Image{Digest: otherDigest, Source: "before"}, want: lock.Image{Digest: otherDigest, Source: "before"}, state: "not refreshed", refuse: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := testkit.NewRegistry(t)
			tag := r.Push(t, "base:1", img)
			r.Push(t, "base:other", other)
			if c.refuse {
				r.Answer = answer(http.StatusForbidden)
			}
			c.before.Reference, c.want.Reference = tag, tag
			l := &lock.Lock{Base: c.before, FFmpeg: lock.Image{Reference: r.Host + "/f:1"}, Builder: lock.Image{Reference: r.Host + "/b:1"}}

			rows := pin.Refresh(t.Context(), l, nil, day)

			assert.Equal(t, c.want, l.Base)
			var table strings.Builder
			require.NoError(t, pin.Table(&table, rows))
			assert.Regexp(t, `(?m)^base +\S+ +`+c.state+" ", table.String())
			assert.Equal(t, c.refuse, rows[0].Is == nil)
			assert.Equal(t, c.wasAround, rows[0].Was != nil)
			assert.Equal(t, c.refuse, rows[0].Error != "")
		})
	}
}
