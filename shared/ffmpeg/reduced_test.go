package ffmpeg

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestReduced(t *testing.T) {
	photo := func(width, height int) Media {
		return Media{Container: jpeg, Codec: "mjpeg", PixelFormat: "yuvj420p", Width: width, Height: height}
	}
	squeezed, png, clip := photo(4000, 3000), photo(4000, 3000), photo(4000, 3000)
	squeezed.Squeezed, png.Container, clip.Container = true, "png_pipe", "avi"
	for name, test := range map[string]struct {
		media  Media
		want   []string
		pixels int64
	}{
		"small":              {photo(1599, 1200), nil, 1599 * 1200},
		"a half":             {photo(1600, 1200), []string{"-lowres", "1"}, 800 * 600},
		"upright":            {photo(1200, 1600), []string{"-lowres", "1"}, 800 * 600},
		"a quarter":          {photo(4032, 3024), []string{"-lowres", "2"}, 1008 * 756},
		"odd":                {photo(4031, 3023), []string{"-lowres", "2"}, 1008 * 756},
		"an eighth":          {photo(6400, 4800), []string{"-lowres", "3"}, 800 * 600},
		"more is not known":  {photo(16320, 12240), []string{"-lowres", "3"}, 2040 * 1530},
		"a strip":            {photo(6400, 1), []string{"-lowres", "3"}, 800},
		"pixels not square":  {squeezed, nil, 12_000_000},
		"no JPEG":            {png, nil, 12_000_000},
		"JPEG frames of AVI": {clip, nil, 12_000_000},
	} {
		t.Run(name, func(t *testing.T) {
			got := test.media.Reduced(800)
			assert.Equal(t, test.want, got.Reduction())
			assert.Equal(t, test.pixels, got.decoded())
		})
	}
}

func TestSizeOfAReducedJPEG(t *testing.T) {
	for name, test := range map[string]struct {
		profile string
		side    int
		says    string
	}{
		"reduced":              {"Baseline", 800, ""},
		"whole":                {"Baseline", 16320, "16320 x 12240 pixels are more than the limit of 150 million, or 200 million for a JPEG; make the picture smaller"},
		"progressive, reduced": {progressive, 800, "16320 x 12240 pixels of yuvj420p take 623 MB of memory, and the limit is 192 MB; make the picture smaller"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(memoryVariable, "256")
			tools := &Tools{limits: newLimits()}
			media := Media{Container: jpeg, PixelFormat: "yuvj420p", Width: 16320, Height: 12240, profile: test.profile}
			err := tools.CheckSize(media.Reduced(test.side))
			if test.says == "" {
				assert.NoError(t, err)
				return
			}
			assert.EqualError(t, err, test.says)
		})
	}
}
