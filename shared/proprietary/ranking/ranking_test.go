package ranking_test

import (
	"fmt"
	"image"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/mediatest"
	"lambdas.internal/shared/proprietary/ranking"
)

func measure(t *testing.T, img image.Image) ranking.Measures {
	t.Helper()
	m, err := ranking.Measure(img)
	require.NoError(t, err)
	return m
}

func TestMeasuresTellGoodFromBad(t *testing.T) {
	for seed := range uint64(5) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			photo := mediatest.Scenery(seed, 400, 300)
			good := measure(t, photo)
			blurred := measure(t, mediatest.Blurred(photo))
			dark, bright := measure(t, mediatest.Exposed(photo, 0.08)), measure(t, mediatest.Exposed(photo, 5))
			assert.Greater(t, good.Sharpness, 2*blurred.Sharpness)
			assert.Greater(t, good.Exposure, dark.Exposure+0.2)
			assert.Greater(t, good.Exposure, bright.Exposure+0.2)
			assert.Greater(t, good.Score(), max(blurred.Score(), dark.Score(), bright.Score()))
			for _, m := range []ranking.Measures{good, blurred, dark, bright} {
				assert.True(t, m.Sharpness >= 0 && m.Sharpness <= 1 && m.Exposure >= 0 && m.Exposure <= 1, "%+v", m)
			}
		})
	}
}

func TestMeasuresDoNotDependOnTheSize(t *testing.T) {
	large, small := measure(t, mediatest.Scenery(1, 1600, 1200)), measure(t, mediatest.Scenery(1, 400, 300))
	assert.InDelta(t, large.Sharpness, small.Sharpness, 0.2)
	for _, size := range []image.Point{{1, 1}, {1, 500}, {500, 1}} {
		measure(t, image.NewRGBA(image.Rectangle{Max: size}))
	}
}

func TestDistance(t *testing.T) {
	for seed := range uint64(5) {
		photo := mediatest.Scenery(seed, 400, 300)
		burst := ranking.Distance(measure(t, photo), measure(t, mediatest.Moved(photo)))
		other := ranking.Distance(measure(t, photo), measure(t, mediatest.Scenery(seed+100, 400, 300)))
		assert.LessOrEqual(t, burst, 8, "shots of a burst")
		assert.Greater(t, other, 12, "another view")
	}
}

// at returns a candidate with the given hash, taken the given minutes after noon, or at
// an unknown time if there are no minutes.
func at(hash uint64, score float64, minutes ...int) ranking.Candidate {
	c := ranking.Candidate{Measures: ranking.Measures{Sharpness: score, Exposure: score, Hash: hash}}
	if len(minutes) > 0 {
		c.Taken = time.Date(2026, 5, 1, 12, minutes[0], 0, 0, time.UTC)
	}
	return c
}

// Hashes that differ from the first one in 0, 4, 32 and 64 bits.
const (
	viewA     = uint64(0)
	viewANear = uint64(0xf)
	viewB     = uint64(0xffffffff)
	viewC     = ^uint64(0)
)

func TestScenes(t *testing.T) {
	for name, test := range map[string]struct {
		candidates []ranking.Candidate
		want       []int
	}{
		"none":                            {nil, []int{}},
		"one":                             {[]ranking.Candidate{at(viewA, 1, 0)}, []int{0}},
		"same time, other view":           {[]ranking.Candidate{at(viewA, 1, 0), at(viewC, 1, 1)}, []int{0, 0}},
		"some minutes, same view":         {[]ranking.Candidate{at(viewA, 1, 0), at(viewANear, 1, 10)}, []int{0, 0}},
		"some minutes, other view":        {[]ranking.Candidate{at(viewA, 1, 0), at(viewC, 1, 10)}, []int{0, 1}},
		"long gap, same view":             {[]ranking.Candidate{at(viewA, 1, 0), at(viewA, 1, 30)}, []int{0, 1}},
		"keys not in the order of time":   {[]ranking.Candidate{at(viewA, 1, 50), at(viewB, 1, 0), at(viewA, 1, 49)}, []int{0, 1, 0}},
		"no time joins the similar one":   {[]ranking.Candidate{at(viewA, 1, 0), at(viewC, 1, 50), at(viewANear, 1)}, []int{0, 1, 0}},
		"no time and nothing similar":     {[]ranking.Candidate{at(viewA, 1, 0), at(viewB, 1)}, []int{0, 1}},
		"no times at all, by the picture": {[]ranking.Candidate{at(viewA, 1), at(viewB, 1), at(viewANear, 1)}, []int{0, 1, 0}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, ranking.Scenes(test.candidates))
		})
	}
}

func TestDuplicates(t *testing.T) {
	clip := at(viewA, 0.9, 0)
	clip.Clip = true
	candidates := []ranking.Candidate{at(viewA, 0.5, 0), at(viewANear, 0.8, 0), at(viewB, 0.4, 0), clip, at(viewA, 0.3, 50)}
	assert.Equal(t, []int{1, -1, -1, -1, -1}, ranking.Duplicates(candidates, []int{0, 0, 0, 0, 1}),
		"only the worse of two similar photos is a duplicate; another view, a clip or another scene is not")
}

func TestDecideByMeasures(t *testing.T) {
	candidates := []ranking.Candidate{at(viewA, 0.9), at(viewB, 0.8), at(viewC, 0.7), at(viewA, 0.1), at(viewANear, 0.6)}
	for i := range candidates {
		candidates[i].Key = fmt.Sprint("k", i)
	}
	got := ranking.Decide(candidates, []int{0, 0, 0, 1, 0}, []int{-1, -1, -1, -1, 0}, nil)
	selected := map[string]bool{}
	for i, v := range got {
		selected[v.Key] = v.Selected
		assert.NotEmpty(t, v.Reason, v.Key)
		if i > 0 && got[i-1].Selected == v.Selected {
			assert.GreaterOrEqual(t, got[i-1].Score, v.Score)
		}
	}
	assert.Equal(t, map[string]bool{"k0": true, "k1": true, "k2": false, "k3": false, "k4": false}, selected)
	assert.Equal(t, "k0", got[0].Key)
}

func TestDecideByModel(t *testing.T) {
	candidates := []ranking.Candidate{{Key: "a"}, {Key: "b"}, {Key: "c"}, {Key: "d"}}
	got := ranking.Decide(candidates, []int{0, 0, 0, 0}, []int{-1, -1, 1, -1}, map[int]ranking.Judgement{
		0: {Score: 20, Keep: false, Reason: "dull"}, 1: {Score: 90, Keep: true, Reason: "joy"},
	})
	assert.Equal(t, []ranking.Verdict{
		{Key: "b", Selected: true, Score: 63, Reason: "joy"},
		{Key: "a", Score: 14, Reason: "dull"},
		{Key: "c", Reason: "a better shot shows the same view", DuplicateOf: "b"},
		{Key: "d", Reason: "not among the technically best in its scene"},
	}, got)
}

func TestShortlist(t *testing.T) {
	candidates := []ranking.Candidate{at(viewA, 0.9), at(viewA, 0.8), at(viewA, 0.7), at(viewB, 0.2), at(viewB, 0.6)}
	scenes, duplicates := []int{0, 0, 0, 1, 1}, []int{-1, -1, -1, -1, -1}
	assert.Equal(t, []int{0, 4}, ranking.Shortlist(candidates, scenes, duplicates, 2), "the best of each scene first")
	assert.Equal(t, []int{0, 1, 4}, ranking.Shortlist(candidates, scenes, duplicates, 3))
	duplicates[0] = 1
	assert.Equal(t, []int{1, 2, 3, 4}, ranking.Shortlist(candidates, scenes, duplicates, 80))
}
