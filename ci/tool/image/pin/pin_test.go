package pin_test

import (
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

func cached(pin.Choice) bool   { return true }
func uncached(pin.Choice) bool { return false }

func TestChoose(t *testing.T) {
	r := testkit.NewRegistry(t)
	img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x"))
	tag, digest := r.Push(t, "base:1", img), testkit.DigestOf(t, img)
	mirror := r.Push(t, "mirror/base:2", img)
	other := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "another"))
	otherTag, otherDigest := r.Push(t, "base:other", other), testkit.DigestOf(t, other)
	down := testkit.NewRegistry(t)
	down.Stop()
	const unknown = "" // the lock file has no digest

	for name, c := range map[string]struct {
		locked lock.Image
		o      pin.Options
		want   pin.Choice // without the reason
		reason bool       // one is given
	}{
		"pinned": {lock.Image{Reference: tag, Digest: digest.String()}, pin.Options{Cached: uncached},
			pin.Choice{Name: tag, Reference: tag + "@" + digest.String(), Digest: digest, Pin: image.Pinned}, false},
		"pinned, though the tag moved": {lock.Image{Reference: otherTag, Digest: digest.String()}, pin.Options{Cached: uncached},
			pin.Choice{Name: otherTag, Reference: otherTag + "@" + digest.String(), Digest: digest, Pin: image.Pinned}, false},
		"not locked yet": {lock.Image{Reference: tag, Digest: unknown}, pin.Options{Cached: uncached},
			pin.Choice{Name: tag, Reference: tag, Digest: digest, Pin: image.Unpinned}, false},
		"another tag": {lock.Image{Reference: tag, Digest: digest.String()}, pin.Options{Cached: uncached, Explicit: otherTag},
			pin.Choice{Name: otherTag, Reference: otherTag, Digest: otherDigest, Pin: image.Unpinned}, false},
		"another digest": {lock.Image{Reference: tag, Digest: digest.String()}, pin.Options{Cached: uncached, Explicit: otherTag + "@" + otherDigest.String()},
			pin.Choice{Name: otherTag, Reference: otherTag + "@" + otherDigest.String(), Digest: otherDigest, Pin: image.Unpinned}, false},
		"a mirror with the locked digest": {lock.Image{Reference: tag, Digest: digest.String()}, pin.Options{Cached: uncached, Explicit: mirror},
			pin.Choice{Name: tag, Reference: mirror, Digest: digest, Pin: image.Pinned}, false},
		"static": {lock.Image{Reference: tag, Digest: digest.String()}, pin.Options{Cached: cached, Explicit: pin.Static},
			pin.Choice{Pin: image.Offline}, false},
		"offline and cached": {lock.Image{Reference: down.Host + "/base:1", Digest: digest.String()}, pin.Options{Cached: cached, Offline: true},
			pin.Choice{Name: down.Host + "/base:1", Reference: down.Host + "/base:1@" + digest.String(), Digest: digest, Pin: image.Pinned}, false},
		"offline and not cached": {lock.Image{Reference: tag, Digest: digest.String()}, pin.Options{Cached: uncached, Offline: true},
			pin.Choice{Pin: image.Offline}, false},
		"offline and not locked": {lock.Image{Reference: tag, Digest: unknown}, pin.Options{Cached: cached, Offline: true},
			pin.Choice{Pin: image.Offline}, false},
		"offline with a digest that is cached": {lock.Image{Reference: tag, Digest: digest.String()},
			pin.Options{Cached: cached, Offline: true, Explicit: down.Host + "/x@" + otherDigest.String()},
			pin.Choice{Name: down.Host + "/x", Reference: down.Host + "/x@" + otherDigest.String(), Digest: otherDigest, Pin: image.Unpinned}, false},
		"unreachable": {lock.Image{Reference: down.Host + "/base:1", Digest: unknown}, pin.Options{Cached: uncached},
			pin.Choice{Pin: image.Offline}, true},
		"unreachable, pinned and not cached": {lock.Image{Reference: down.Host + "/base:1", Digest: digest.String()}, pin.Options{Cached: uncached},
			pin.Choice{Pin: image.Offline}, true},
		"unreachable, pinned and cached": {lock.Image{Reference: down.Host + "/base:1", Digest: digest.String()}, pin.Options{Cached: cached},
			pin.Choice{Name: down.Host + "/base:1", Reference: down.Host + "/base:1@" + digest.String(), Digest: digest, Pin: image.Pinned}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := pin.Choose(t.Context(), c.locked, c.o)

			require.NoError(t, err)
			assert.Equal(t, c.reason, got.Reason != "", got.Reason)
			got.Reason = ""
			assert.Equal(t, c.want, got)
		})
	}
}

func TestChooseRefuses(t *testing.T) {
	r := testkit.NewRegistry(t)
	img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x"))
	tag := r.Push(t, "base:1", img)
	down := testkit.NewRegistry(t)
	down.Stop()
	for name, c := range map[string]struct {
		locked string
		o      pin.Options
		want   string
	}{
		"an image that is not there":              {r.Host + "/gone:1", pin.Options{}, r.Host + "/gone:1 does not exist in its registry; check the name"},
		"a named image that is not there":         {tag, pin.Options{Explicit: r.Host + "/gone:1"}, r.Host + "/gone:1 does not exist in its registry; check the name"},
		"a named registry that is unreachable":    {tag, pin.Options{Explicit: down.Host + "/x:1"}, "use " + down.Host + "/x:1: resolve "},
		"a named image, offline":                  {tag, pin.Options{Explicit: tag, Offline: true}, "use " + tag + ": it is not in the cache, and --offline is set"},
		"not a reference":                         {tag, pin.Options{Explicit: "No Reference"}, `read the reference "No Reference": `},
		"not a digest":                            {tag, pin.Options{Explicit: "x@sha256:123"}, `read the reference "x@sha256:123": `},
		"a locked reference that cannot be right": {"No Reference", pin.Options{}, `read the reference "No Reference": `},
	} {
		t.Run(name, func(t *testing.T) {
			c.o.Cached = uncached

			got, err := pin.Choose(t.Context(), lock.Image{Reference: c.locked}, c.o)

			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.Equal(t, pin.Choice{}, got)
		})
	}
}

func TestChooseAsksAgain(t *testing.T) {
	r := testkit.NewRegistry(t)
	locked, o := lock.Image{Reference: r.Host + "/base:1"}, pin.Options{Cached: uncached}
	_, err := pin.Choose(t.Context(), locked, o)
	require.ErrorContains(t, err, "does not exist")

	for _, text := range []string{"x", "another"} {
		img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, text))
		r.Push(t, "base:1", img)
		got, err := pin.Choose(t.Context(), locked, o)
		require.NoError(t, err)
		assert.Equal(t, testkit.DigestOf(t, img), got.Digest)
	}
}

// Only the network is a reason to take another base.
func TestChooseTakesNoOtherBaseForAnotherReason(t *testing.T) {
	for title, test := range map[string]struct {
		settings string
		status   int
		want     string
	}{
		"Docker's settings are malformed": {`{"auths":`, 0, "read Docker's logins for "},
		"a credential helper is missing":  {`{"credsStore":"gone"}`, 0, "install or repair this credential helper"},
		"no permission":                   {`{}`, http.StatusForbidden, "there is no login for "},
		"a fault of the registry":         {`{}`, http.StatusBadGateway, "run the same command again in a minute, name a mirror in ci/images.lock.json, or pass --offline"},
	} {
		t.Run(title, func(t *testing.T) {
			dir := t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), []byte(test.settings), 0o600))
			t.Setenv("DOCKER_CONFIG", dir)
			r := testkit.NewRegistry(t)
			if test.status != 0 {
				r.Answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(test.status); return true }
			}
			got, err := pin.Choose(t.Context(), lock.Image{Reference: r.Host + "/base:1", Digest: testkit.Digest("x").String()}, pin.Options{Cached: uncached})
			require.ErrorContains(t, err, test.want)
			assert.NotContains(t, err.Error(), "\n")
			assert.Equal(t, pin.Choice{}, got)
		})
	}
}
