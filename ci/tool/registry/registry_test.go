package registry_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/report"
)

func TestDigest(t *testing.T) {
	r := testkit.NewRegistry(t)
	img := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x"))
	tag := r.Push(t, "base:1", img)
	want := testkit.DigestOf(t, img)

	for _, reference := range []string{tag, r.Host + "/base@" + want.String()} {
		got, err := registry.Digest(t.Context(), reference)

		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
}

func TestARegistryThatAnswersIsNotUnreachable(t *testing.T) {
	for name, c := range map[string]struct {
		status      int // of every answer; none is the registry's own
		unreachable bool
	}{
		"no such image":                 {0, false},
		"log in first":                  {http.StatusUnauthorized, false},
		"not for you":                   {http.StatusForbidden, false},
		"too often":                     {http.StatusTooManyRequests, false},
		"broken":                        {http.StatusInternalServerError, false},
		"a proxy in between wants more": {http.StatusProxyAuthRequired, true},
		"a page of something else":      {http.StatusOK, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := testkit.NewRegistry(t)
			if c.status != 0 {
				r.Answer = func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(c.status); return true }
			}

			_, err := registry.Digest(t.Context(), r.Host+"/gone:1")

			require.ErrorContains(t, err, "resolve "+r.Host+"/gone:1: ")
			assert.NotContains(t, err.Error(), "\n")
			assert.Equal(t, c.unreachable, registry.Unreachable(err), err.Error())
		})
	}
}

func TestARegistryOutOfReach(t *testing.T) {
	refused := testkit.NewRegistry(t)
	refused.Stop()
	for name, host := range map[string]string{"refuses": refused.Host, "never answers": testkit.Silent(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			start := time.Now()

			_, err := registry.Digest(t.Context(), host+"/base:1")

			assert.Less(t, time.Since(start), 5*time.Second)
			require.ErrorContains(t, err, "resolve "+host+"/base:1: ")
			assert.NotContains(t, err.Error(), "\n")
			assert.True(t, registry.Unreachable(err))
		})
	}
}

// A run that ended for another reason says nothing about the registry.
func TestACancelledQuestionIsNotUnreachable(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("something else failed"))

	_, err := registry.Digest(ctx, testkit.Silent(t)+"/base:1")

	require.ErrorIs(t, err, context.Canceled)
	assert.False(t, registry.Unreachable(err))
	assert.False(t, registry.Unreachable(nil))
}

func TestBadReferences(t *testing.T) {
	_, err := registry.Digest(t.Context(), "UPPER/case")
	require.ErrorContains(t, err, "resolve UPPER/case: ")
	_, err = registry.Image(t.Context(), "UPPER/case", v1.Hash{}, testkit.AMD64)
	require.ErrorContains(t, err, "read the image UPPER/case: ")
}

func TestImage(t *testing.T) {
	r := testkit.NewRegistry(t)
	amd64 := testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "amd64"))
	arm64 := testkit.OCIImage(t, testkit.ARM64, layer.Text("x", 0o644, "arm64"))
	both := testkit.OCIIndex(t, map[*v1.Platform]v1.Image{&testkit.AMD64: amd64, &testkit.ARM64: arm64})
	tag := r.Push(t, "both:1", both)
	r.Push(t, "both:amd64", testkit.OCIIndex(t, map[*v1.Platform]v1.Image{&testkit.AMD64: amd64}))

	for platform, want := range map[*v1.Platform]v1.Image{&testkit.AMD64: amd64, &testkit.ARM64: arm64} {
		got, err := registry.Image(t.Context(), tag, testkit.DigestOf(t, both), *platform)
		require.NoError(t, err)
		assert.Equal(t, testkit.DigestOf(t, want), testkit.DigestOf(t, got))
	}

	one, err := registry.Digest(t.Context(), r.Host+"/both:amd64")
	require.NoError(t, err)
	_, err = registry.Image(t.Context(), tag, one, testkit.ARM64)
	require.ErrorContains(t, err, "read the image "+tag+"@"+one.String()+" for linux/arm64: ")
	_, err = registry.Image(t.Context(), tag, testkit.Digest("gone"), testkit.AMD64)
	require.ErrorContains(t, err, "read the image "+tag+"@"+testkit.Digest("gone").String()+" for linux/amd64: ")
}

// A step knows how much it receives: of the layers that are not there yet.
func TestReceivingIsCounted(t *testing.T) {
	r := testkit.NewRegistry(t)
	img, err := random.Image(500_000, 3)
	require.NoError(t, err)
	tag := r.Push(t, "base:1", img)
	all := make(testkit.Lines, 10)
	ctx, done := report.NewProgress(all).Start(t.Context(), "base")
	got, err := registry.Image(ctx, tag, testkit.DigestOf(t, img), testkit.AMD64)
	require.NoError(t, err)
	layers, err := got.Layers()
	require.NoError(t, err)
	require.Len(t, layers, 3)
	kept := testkit.DigestOf(t, layers[0])

	registry.Expect(ctx, got, func(digest v1.Hash, _ int64) bool { return digest == kept })
	body, err := layers[1].Compressed()
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, body)
	require.NoError(t, errors.Join(err, body.Close()))

	assert.Regexp(t, `^… base: received 0\.5 of 1\.0 MB(, [0-9]+ s left)?  1 s\n$`, <-all)
	done(nil)
}
