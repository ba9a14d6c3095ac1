package preset

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
)

func TestFit(t *testing.T) {
	for name, test := range map[string]struct {
		preset        string
		width, height int
		want          Frame
	}{
		"reel of a reel":               {"reel", 1080, 1920, Frame{1080, 1920, 1080, 1920}},
		"reel of 4K portrait":          {"reel", 2160, 3840, Frame{2160, 3840, 1080, 1920}},
		"reel of landscape":            {"reel", 1920, 1080, Frame{606, 1080, 606, 1080}},
		"reel of a small clip":         {"reel", 360, 640, Frame{360, 640, 360, 640}},
		"square of landscape":          {"square", 1920, 1080, Frame{1080, 1080, 1080, 1080}},
		"square of odd size":           {"square", 641, 361, Frame{360, 360, 360, 360}},
		"landscape of 4K":              {"landscape", 3840, 2160, Frame{3840, 2160, 1920, 1080}},
		"landscape of portrait":        {"landscape", 1080, 1920, Frame{1080, 606, 1080, 606}},
		"landscape of a wide panorama": {"landscape", 4000, 500, Frame{888, 500, 888, 500}},
		"one pixel":                    {"reel", 1, 1, Frame{2, 2, 2, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			preset, err := Find(test.preset)
			require.NoError(t, err)
			assert.Equal(t, test.want, preset.Fit(test.width, test.height))
		})
	}
}

func TestFitIsEvenAndNeverLarger(t *testing.T) {
	for _, preset := range presets {
		for width := 2; width < 4000; width += 37 {
			for height := 2; height < 4000; height += 41 {
				f := preset.Fit(width, height)
				if f.Width%2 != 0 || f.Height%2 != 0 || f.Width > max(2, f.CropWidth) || f.Height > max(2, f.CropHeight) ||
					f.CropWidth > width || f.CropHeight > height || f.Width > preset.Width || f.Height > preset.Height {
					t.Fatalf("%s of %d x %d: %+v", preset.Name, width, height, f)
				}
			}
		}
	}
}

func TestNearest(t *testing.T) {
	for want, sizes := range map[string][][2]int{
		"reel":      {{1080, 1920}, {720, 1280}, {600, 800}},
		"square":    {{1000, 1000}, {1000, 900}, {1200, 1000}},
		"landscape": {{1920, 1080}, {800, 600}, {4000, 500}},
	} {
		for _, size := range sizes {
			assert.Equal(t, want, Nearest(size[0], size[1]).Name, size)
		}
	}
}

func TestFind(t *testing.T) {
	_, err := Find("cinema")
	assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
	assert.ErrorContains(t, err, "cinema")
}
