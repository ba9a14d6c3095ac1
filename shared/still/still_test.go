package still_test

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/exif"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/mediatest"
	"lambdas.internal/shared/still"
)

// makeStill returns the still of a file and checks that the reported size is right.
func makeStill(t *testing.T, in string) (still.Picture, image.Image) {
	t.Helper()
	out := filepath.Join(t.TempDir(), "still.jpg")
	made, err := still.New(mediatest.Tools(t), still.ThumbnailSide).Make(t.Context(), in, out)
	require.NoError(t, err)
	img, err := jpeg.Decode(bytes.NewReader(mediatest.Read(t, out)))
	require.NoError(t, err)
	assert.Equal(t, img.Bounds().Size(), image.Pt(made.Width, made.Height))
	return made, img
}

func TestPhotoIsUprightForEveryOrientation(t *testing.T) {
	upright := mediatest.Quarters(900, 600)
	for o := exif.Orientation(1); o <= 8; o++ {
		t.Run(fmt.Sprint(o), func(t *testing.T) {
			data := mediatest.WithEXIF(mediatest.JPEG(t, mediatest.Stored(upright, o)), o, time.Time{})
			made, img := makeStill(t, mediatest.Write(t, "photo", data))
			assert.Equal(t, still.Picture{Width: 400, Height: made.Height}, made)
			assert.InDelta(t, 267, made.Height, 1)
			mediatest.AssertUpright(t, img)
		})
	}
}

func TestPhotoFormats(t *testing.T) {
	for name, test := range map[string]struct {
		file   string
		args   []string
		width  int
		height int
	}{
		"PNG":           {"a.png", []string{"-f", "lavfi", "-i", "testsrc=size=800x600", "-frames:v", "1"}, 400, 300},
		"WebP":          {"a.webp", []string{"-f", "lavfi", "-i", "testsrc=size=600x800", "-frames:v", "1"}, 300, 400},
		"JPEG 4:4:4":    {"a.mjpeg", []string{"-f", "lavfi", "-i", "testsrc=size=800x800", "-frames:v", "1", "-pix_fmt", "yuvj444p"}, 400, 400},
		"small picture": {"a.png", []string{"-f", "lavfi", "-i", "testsrc=size=120x90", "-frames:v", "1"}, 120, 90},
		"odd size":      {"a.png", []string{"-f", "lavfi", "-i", "testsrc=size=1001x333", "-frames:v", "1"}, 400, 133},
		"a long strip":  {"a.png", []string{"-f", "lavfi", "-i", "testsrc=size=4000x8", "-frames:v", "1"}, 400, 1},
	} {
		t.Run(name, func(t *testing.T) {
			made, _ := makeStill(t, mediatest.Make(t, test.file, test.args...))
			assert.Equal(t, still.Picture{Width: test.width, Height: test.height}, made)
		})
	}
}

func TestPhotoOfOnePixel(t *testing.T) {
	made, _ := makeStill(t, mediatest.Write(t, "photo", mediatest.JPEG(t, mediatest.Quarters(1, 1))))
	assert.Equal(t, still.Picture{Width: 1, Height: 1}, made)
}

func TestTransparencyBecomesWhite(t *testing.T) {
	var buf bytes.Buffer
	img := image.NewNRGBA(image.Rect(0, 0, 200, 200))
	for y := range 100 {
		for x := range 200 {
			img.Set(x, y, color.NRGBA{200, 0, 0, 255})
		}
	}
	require.NoError(t, png.Encode(&buf, img))
	_, got := makeStill(t, mediatest.Write(t, "logo", buf.Bytes()))
	assertGrey(t, got.At(100, 150), 250, 255)
	r, g, _, _ := got.At(100, 50).RGBA()
	assert.True(t, r>>8 > 180 && g>>8 < 30, "opaque half stays red: %d %d", r>>8, g>>8)
}

func TestVideoFrameIsNotBlack(t *testing.T) {
	in := mediatest.Make(t, "clip.mp4",
		"-f", "lavfi", "-i", "color=black:size=640x360:rate=25:duration=2", "-f", "lavfi", "-i", "testsrc=size=640x360:rate=25:duration=1",
		"-filter_complex", "[0:v][1:v]concat=n=2:v=1", "-pix_fmt", "yuv420p")
	made, img := makeStill(t, in)
	assert.Equal(t, still.Picture{Width: 400, Height: 225, Duration: 3 * time.Second}, made)
	assert.Greater(t, meanLuma(img), 50.0)
}

func TestBlackVideoHasAStill(t *testing.T) {
	_, img := makeStill(t, mediatest.Make(t, "clip.mp4", "-f", "lavfi", "-i", "color=black:size=320x240:rate=25:duration=1", "-pix_fmt", "yuv420p"))
	assert.Less(t, meanLuma(img), 10.0)
}

func TestVideoOfOneFrame(t *testing.T) {
	made, _ := makeStill(t, mediatest.Make(t, "clip.mp4", "-f", "lavfi", "-i", "testsrc=size=320x240:rate=25", "-frames:v", "1", "-pix_fmt", "yuv420p"))
	assert.Equal(t, 40*time.Millisecond, made.Duration)
}

func TestHDRVideo(t *testing.T) {
	made, img := makeStill(t, mediatest.HDR(t, "640x360"))
	assert.Equal(t, still.Picture{Width: 400, Height: 225, Duration: time.Second}, made)
	assert.InDelta(t, 110, meanLuma(img), 60, "neither black nor washed out")
}

func TestVideoRotationIsHonoured(t *testing.T) {
	photo := mediatest.Write(t, "upright.jpg", mediatest.JPEG(t, mediatest.Stored(mediatest.Quarters(360, 640), 6)))
	flat := mediatest.Make(t, "flat.mp4", "-loop", "1", "-t", "1", "-i", photo, "-pix_fmt", "yuv420p")
	turned := mediatest.Turned(t, flat)
	made, img := makeStill(t, turned)
	assert.Equal(t, 225, made.Width)
	assert.Equal(t, 400, made.Height)
	mediatest.AssertUpright(t, img)
}

func TestUnusableInput(t *testing.T) {
	photo := mediatest.JPEG(t, mediatest.Quarters(640, 480))
	playlist := "#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"
	for name, test := range map[string]struct {
		data []byte
		kind fault.Kind
	}{
		"empty file":                   {nil, fault.InvalidInput},
		"text named .jpg":              {[]byte("This is not a picture.\n"), fault.InvalidInput},
		"playlist of other files":      {[]byte(playlist), fault.InvalidInput},
		"concat script of other files": {[]byte("ffconcat version 1.0\nfile /etc/passwd\n"), fault.InvalidInput},
		"JPEG header alone":            {photo[:20], fault.InvalidInput},
		"HEIC that cannot be read":     {[]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), fault.InvalidInput},
	} {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "still.jpg")
			_, err := still.New(mediatest.Tools(t), still.ThumbnailSide).Make(t.Context(), mediatest.Write(t, "in", test.data), out)
			require.Error(t, err)
			assert.Equal(t, test.kind, fault.KindOf(err), err)
		})
	}
}

func TestHugePictureIsRefused(t *testing.T) {
	// A PNG header that claims 60000 x 60000 pixels.
	data := []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x02\x00\x00\x00\x00\x00\x00\x00")
	_, err := still.New(mediatest.Tools(t), 400).Make(t.Context(), mediatest.Write(t, "in", data), filepath.Join(t.TempDir(), "out"))
	require.Error(t, err)
	assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
}

func TestRefusalsAreSentences(t *testing.T) {
	clip := []string{"-f", "lavfi", "-i", "testsrc2=size=176x144:rate=25:duration=0.4"}
	for name, test := range map[string]struct{ path, says string }{
		"PNG of 5 MB that takes 1.2 GB": {mediatest.Write(t, "in", mediatest.HugePNG(t, 12200, 12200)),
			"12200 x 12200 pixels of rgba64be take 1183 MB of memory, and the limit is 960 MB; make the picture smaller"},
		"MagicYUV": {mediatest.Make(t, "in.avi", append(clip, "-c:v", "magicyuv")...),
			"the video is encoded as magicyuv, which is not accepted; convert it to H.264 in MP4"},
		"TIFF": {mediatest.Write(t, "in", mediatest.Read(t, mediatest.Make(t, "in.tiff", append(clip, "-frames:v", "1")...))),
			"the picture is encoded as tiff, which is not accepted; convert it to JPEG"},
	} {
		t.Run(name, func(t *testing.T) {
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
				_, err := still.New(mediatest.Tools(t), 400).Make(t.Context(), test.path, filepath.Join(t.TempDir(), "out"))
				assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
				assert.EqualError(t, err, test.says)
			})
		})
	}
}

// A video with a sound codec that is not accepted has a still, and a video with a cover
// before the picture has a still of the picture.
func TestOnlyThePictureCounts(t *testing.T) {
	cover := mediatest.Make(t, "cover.png", "-f", "lavfi", "-i", "color=red:size=64x64", "-frames:v", "1")
	clip := []string{"-f", "lavfi", "-i", "color=gray:size=320x240:rate=25:duration=0.4"}
	for name, path := range map[string]string{
		"sound that is not accepted": mediatest.Make(t, "in.mkv", append(clip, "-f", "lavfi", "-i", "sine=duration=0.4", "-c:v", "libx264", "-c:a", "wavpack", "-pix_fmt", "yuv420p")...),
		"a cover first":              mediatest.Make(t, "in.mp4", append(clip, "-i", cover, "-map", "1", "-map", "0", "-c:v:0", "png", "-c:v:1", "libx264", "-pix_fmt:v:1", "yuv420p", "-disposition:v:0", "attached_pic")...),
	} {
		t.Run(name, func(t *testing.T) {
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				made, img := makeStill(t, path)
				assert.Equal(t, image.Pt(320, 240), image.Pt(made.Width, made.Height))
				assertGrey(t, img.At(160, 120), 118, 138)
			})
		})
	}
}

func TestDeadlineStopsFFmpeg(t *testing.T) {
	in := mediatest.Make(t, "clip.mp4", "-f", "lavfi", "-i", "testsrc=size=1280x720:rate=60:duration=10", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
	ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
	defer cancel()
	start := time.Now()
	_, err := still.New(mediatest.Tools(t), 400).Make(ctx, in, filepath.Join(t.TempDir(), "out"))
	require.Error(t, err)
	assert.Equal(t, fault.DeadlineExceeded, fault.KindOf(err), err)
	assert.Less(t, time.Since(start), 10*time.Second)
}

func TestFFmpegThatIsMissing(t *testing.T) {
	t.Setenv("FFMPEG_PATH", filepath.Join(os.TempDir(), "no-such-ffmpeg"))
	_, err := ffmpeg.New()
	require.Error(t, err)
	assert.Equal(t, fault.Configuration, fault.KindOf(err))
	assert.Contains(t, err.Error(), "FFMPEG_PATH")
}

func assertGrey(t *testing.T, c color.Color, low, high uint32) {
	t.Helper()
	r, g, b, _ := c.RGBA()
	for _, v := range []uint32{r >> 8, g >> 8, b >> 8} {
		assert.True(t, v >= low && v <= high, "%d is not between %d and %d", v, low, high)
	}
}

func meanLuma(img image.Image) float64 {
	var sum float64
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			sum += float64(color.GrayModel.Convert(img.At(x, y)).(color.Gray).Y)
		}
	}
	return sum / float64(b.Dx()*b.Dy())
}
