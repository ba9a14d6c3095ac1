package main

import (
	"fmt"
	"image/color"
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/mediatest"
)

// What telephones and cameras really record.

func TestSoundBecomesAsLoudAsTheFeeds(t *testing.T) {
	for name, test := range map[string]struct {
		seconds, sound string
		change         float64 // in dB
		silent         bool
	}{
		"quiet tone":                {"4", "sine=frequency=440,volume=0.2", 20, false},
		"loud tone":                 {"4", "sine=frequency=440,volume=7.5", -10, false},
		"very quiet: limited gain":  {"4", "sine=frequency=440,volume=0.02", 20, false},
		"short: as it is":           {"2", "sine=frequency=440,volume=0.2", 0, false},
		"faint noise: as it is":     {"4", "anoisesrc=a=0.0001", 0, true},
		"silence: as it is":         {"4", "anullsrc", 0, true},
		"Live Photo without sound":  {"2", "anullsrc", 0, true},
		"short and faint: as it is": {"2", "anoisesrc=a=0.0001", 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			in := mediatest.Make(t, "in.mov", append(picture("64x64", test.seconds), "-f", "lavfi", "-i", test.sound, "-t", test.seconds, "-pix_fmt", "yuv420p", "-c:a", "pcm_s16le")...)
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				media, out := transcode(t, in, "")
				assert.Equal(t, "aac", media.AudioCodec)
				before, after := mediatest.Loudness(t, in), mediatest.Loudness(t, out)
				if test.silent {
					assert.LessOrEqual(t, before, -69.9, "LUFS of the source")
					assert.LessOrEqual(t, after, -69.9, "LUFS of the result")
					return
				}
				assert.InDelta(t, before+test.change, after, 1.5, "LUFS; before: %v", before)
			})
		})
	}
}

func TestColoursAreThoseOfTheWeb(t *testing.T) {
	// Saturated, but within every gamut that is converted from.
	want := color.RGBA{R: 180, G: 90, B: 60, A: 255}
	source := []string{"-f", "lavfi", "-i", "color=0xb45a3c:size=640x360:rate=10:duration=1,format=gbrp"}
	tagged := func(filter string, matrix, primaries, reach string, more ...string) []string {
		return slices.Concat(source, []string{"-vf", filter, "-colorspace", matrix, "-color_primaries", primaries, "-color_trc", "bt709", "-color_range", reach}, more)
	}
	for name, args := range map[string][]string{
		"full range, as telephones record": tagged("scale=out_color_matrix=bt709:out_range=pc,format=yuvj420p", "bt709", "bt709", "pc"),
		"full range of MJPEG":              slices.Concat(source, []string{"-pix_fmt", "yuvj420p", "-c:v", "mjpeg", "-q:v", "2"}),
		"BT.709":                           tagged("scale=out_color_matrix=bt709:out_range=tv,format=yuv420p", "bt709", "bt709", "tv"),
		"matrix of BT.601":                 tagged("scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", "smpte170m", "bt709", "tv"),
		"no tags and few lines: BT.601":    slices.Concat(source, []string{"-vf", "scale=out_color_matrix=bt601:out_range=tv,format=yuv420p"}),
		"primaries of BT.601": tagged("scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,colorspace=iall=bt709:primaries=smpte170m:space=smpte170m:trc=bt709:range=tv,format=yuv420p",
			"smpte170m", "smpte170m", "tv"),
		"P3 of iPhones": tagged("scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,colorspace=iall=bt709:primaries=smpte432:space=bt709:trc=bt709:range=tv,format=yuv420p",
			"bt709", "smpte432", "tv"),
		"RGB": slices.Concat(source, []string{"-c:v", "png"}),
	} {
		t.Run(name, func(t *testing.T) {
			in := mediatest.Make(t, "in.mov", args...)
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				media, out := transcode(t, in, "")
				assert.Equal(t, "yuv420p", media.PixelFormat)
				stream := mediatest.Stream(t, out)
				assert.Equal(t, []string{"tv", "bt709", "bt709", "bt709"},
					[]string{stream["color_range"], stream["color_space"], stream["color_primaries"], stream["color_transfer"]})
				img := mediatest.Frame(t, out)
				got := color.RGBAModel.Convert(img.At(img.Bounds().Dx()/2, img.Bounds().Dy()/2)).(color.RGBA)
				far := max(math.Abs(float64(got.R)-float64(want.R)), math.Abs(float64(got.G)-float64(want.G)), math.Abs(float64(got.B)-float64(want.B)))
				assert.LessOrEqual(t, far, 8.0, fmt.Sprint(got))
			})
		})
	}
}

func TestInterlacedVideoHasNoCombs(t *testing.T) {
	in := mediatest.Make(t, "in.mpg", "-f", "lavfi", "-i", "testsrc2=size=720x576:rate=50:duration=1", "-vf", "tinterlace=interleave_top,fieldorder=tff", "-c:v", "mpeg2video", "-flags", "+ildct+ilme", "-q:v", "2")
	mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
		media, err := tools.Probe(t.Context(), in)
		require.NoError(t, err)
		require.True(t, media.Interlaced)
		_, out := transcode(t, in, "")
		assert.Less(t, mediatest.Combs(t, out), mediatest.Combs(t, in)/4)
	})
}
