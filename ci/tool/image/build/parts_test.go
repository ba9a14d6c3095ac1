package build_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/testkit"
)

// What is pinned is known by the bytes that are here, or that the registry gives for the
// digest. What could not be found out is unknown.
func TestParts(t *testing.T) {
	pins := func(p image.Parts) (all []image.Pin) {
		for _, b := range p.Bases {
			all = append(all, b.Pin)
		}
		for _, l := range p.FFmpeg {
			all = append(all, l.Pin)
		}
		return all
	}
	for name, c := range map[string]struct {
		only    []string
		prepare func(t *testing.T, w *world)
		fetch   bool
		want    []image.Pin
	}{
		"nothing is here":                    {nil, func(*testing.T, *world) {}, false, []image.Pin{image.Offline}},
		"nothing is here, and it is fetched": {nil, func(*testing.T, *world) {}, true, []image.Pin{image.Offline, image.Pinned, image.Pinned}},
		"fetched for light images":           {[]string{"api"}, func(*testing.T, *world) {}, true, []image.Pin{image.Offline, image.Pinned}},
		"the build left it here": {nil, func(t *testing.T, w *world) {
			w.all(t)
			w.registry.Stop()
		}, true, []image.Pin{image.Offline, image.Pinned, image.Pinned}},
		"no registry answers": {nil, func(_ *testing.T, w *world) { w.registry.Stop() }, true, []image.Pin{image.Offline}},
		"the user forbids it": {nil, func(_ *testing.T, w *world) { w.Offline = true }, true, []image.Pin{image.Offline}},
		"nothing is pinned": {nil, func(_ *testing.T, w *world) { w.Lock.Base.Digest, w.Lock.FFmpeg.Digest = "", "" }, true,
			[]image.Pin{image.Offline}},
		"another base was built on": {nil, func(_ *testing.T, w *world) { w.BaseRef = w.Lock.FFmpeg.Reference }, true,
			[]image.Pin{image.Offline, image.Pinned, image.Pinned}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Cache = testkit.Cache(t)
			c.prepare(t, w)
			functions, err := w.Catalog.Select(c.only)
			require.NoError(t, err)

			got, err := w.Known(t.Context(), functions, c.fetch)

			require.NoError(t, err)
			assert.Equal(t, c.want, pins(got))
			for _, b := range got.Bases {
				if b.Pin == image.Pinned {
					assert.Equal(t, w.Lock.Base.Digest, b.Digest)
				}
			}
		})
	}
}
