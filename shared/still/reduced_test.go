package still_test

import (
	"image"
	"image/color"
	"math"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/exif"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/mediatest"
	"lambdas.internal/shared/still"
)

// difference returns the mean of the differences between two pictures, of 255.
func difference(t *testing.T, a, b image.Image) (sum float64) {
	t.Helper()
	require.Equal(t, a.Bounds(), b.Bounds())
	size := a.Bounds()
	for y := range size.Dy() {
		for x := range size.Dx() {
			p, q := color.RGBAModel.Convert(a.At(x, y)).(color.RGBA), color.RGBAModel.Convert(b.At(x, y)).(color.RGBA)
			for _, d := range []int{int(p.R) - int(q.R), int(p.G) - int(q.G), int(p.B) - int(q.B)} {
				sum += math.Abs(float64(d))
			}
		}
	}
	return sum / float64(3*size.Dx()*size.Dy())
}

// A PNG is never reduced.
func TestReducedPhotoLooksLikeTheWhole(t *testing.T) {
	for name, test := range map[string]struct{ size, chroma string }{
		"a half":         {"1700x1300", "yuvj420p"},
		"a quarter":      {"3400x2300", "yuvj422p"},
		"an eighth":      {"6500x1300", "yuvj444p"},
		"an eighth, odd": {"1301x6403", "yuvj420p"},
	} {
		t.Run(name, func(t *testing.T) {
			whole := mediatest.Make(t, "a.png", "-f", "lavfi", "-i", "testsrc2=size="+test.size, "-frames:v", "1")
			in := mediatest.Make(t, "a.jpg", "-i", whole, "-pix_fmt", test.chroma, "-q:v", "2")
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				made, got := makeStill(t, in)
				_, want := makeStill(t, whole)
				assert.Equal(t, still.ThumbnailSide, max(made.Width, made.Height))
				assert.Less(t, difference(t, want, got), 5.0)
			})
		})
	}
}

func TestReducedPhotoIsUprightForEveryOrientation(t *testing.T) {
	upright := mediatest.Quarters(1800, 1200)
	for o := exif.Orientation(1); o <= 8; o++ {
		in := mediatest.Write(t, "photo", mediatest.WithEXIF(mediatest.JPEG(t, mediatest.Stored(upright, o)), o, time.Time{}))
		mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
			made, img := makeStill(t, in)
			assert.Equal(t, still.Picture{Width: 400, Height: 267}, made)
			mediatest.AssertUpright(t, img)
		})
	}
}

// ffmpeg does not reduce a JPEG whose colours have fewer samples than the pixel format that
// it chooses for it.
func TestPhotoThatCannotBeReduced(t *testing.T) {
	img := mediatest.Quarters(1700, 1300)
	of := func(i int) func(r, g, b uint8) uint8 {
		return func(r, g, b uint8) uint8 {
			y, cb, cr := color.RGBToYCbCr(r, g, b)
			return []uint8{y, cb, cr}[i]
		}
	}
	in := mediatest.Write(t, "photo", mediatest.JPEGOf(t, 1700, 1300, -1,
		mediatest.Plane{Values: mediatest.Channel(img, 1, 1, of(0)), Across: 2, Downward: 2},
		mediatest.Plane{Values: mediatest.Channel(img, 2, 1, of(1)), Across: 1, Downward: 2},
		mediatest.Plane{Values: mediatest.Channel(img, 1, 2, of(2)), Across: 2, Downward: 1}))
	mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
		media, err := tools.Probe(t.Context(), in)
		require.NoError(t, err)
		job := ffmpeg.Job{Input: in, InputOptions: media.Reduced(800).Reduction(), Output: filepath.Join(t.TempDir(), "out.jpg"), OutputOptions: []string{"-f", "mjpeg"}}
		assert.Len(t, job.InputOptions, 2)
		require.Error(t, tools.Run(t.Context(), job), "this version reduces it, so the test needs another file")
		made, got := makeStill(t, in)
		assert.Equal(t, still.Picture{Width: 400, Height: 306}, made)
		mediatest.AssertUpright(t, got)
	})
}

// Telephones make pictures of this size. The whole one takes 335 MB.
func TestPhotoOf200MillionPixels(t *testing.T) {
	in := mediatest.Make(t, "a.jpg", "-f", "lavfi", "-i", "color=0xb45a3c:size=16320x12240", "-frames:v", "1", "-pix_fmt", "yuvj420p")
	mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
		t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "192")
		made, img := makeStill(t, in)
		assert.Equal(t, still.Picture{Width: 400, Height: 300}, made)
		got := color.RGBAModel.Convert(img.At(200, 150)).(color.RGBA)
		assert.InDelta(t, 0xb4, int(got.R), 6)
		assert.InDelta(t, 0x3c, int(got.B), 6)
	})
}
