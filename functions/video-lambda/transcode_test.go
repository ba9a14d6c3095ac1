package main

import (
	"bytes"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/mediatest"
)

// Sources for ffmpeg: a moving picture and a quiet tone.
func picture(size, seconds string) []string {
	return []string{"-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=30:duration=" + seconds}
}

var tone = []string{"-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-filter:a", "volume=0.05"}

func transcode(t *testing.T, in, preset string) (media ffmpeg.Media, out string) {
	t.Helper()
	out = filepath.Join(t.TempDir(), "out.mp4")
	var parts []float64
	media, err := NewTranscoder(mediatest.Tools(t)).Transcode(t.Context(), in, out, preset, func(part float64) { parts = append(parts, part) })
	require.NoError(t, err)
	require.NotEmpty(t, parts)
	assert.IsNonDecreasing(t, parts)
	assert.InDelta(t, 1, parts[len(parts)-1], 0)
	return media, out
}

func TestTranscode(t *testing.T) {
	yuv := []string{"-pix_fmt", "yuv420p", "-preset", "ultrafast"}
	join := func(parts ...[]string) (all []string) {
		for _, p := range parts {
			all = append(all, p...)
		}
		return all
	}
	for name, test := range map[string]struct {
		source        []string
		preset        string
		width, height int
		audio         string
	}{
		"landscape with sound to reel":  {join(picture("1280x720", "2"), tone, yuv), "reel", 404, 720, "aac"},
		"landscape without sound":       {join(picture("1280x720", "2"), yuv), "landscape", 1280, 720, ""},
		"square of portrait":            {join(picture("360x640", "2"), yuv), "square", 360, 360, ""},
		"nearest preset":                {join(picture("640x360", "2"), yuv), "", 640, 360, ""},
		"larger than the preset":        {join([]string{"-f", "lavfi", "-i", "testsrc2=size=2160x3840:rate=10:duration=2"}, yuv), "reel", 1080, 1920, ""},
		"odd size and 4:4:4":            {[]string{"-f", "lavfi", "-i", "testsrc=size=641x359:rate=30:duration=2", "-pix_fmt", "yuv444p", "-preset", "ultrafast"}, "landscape", 638, 358, ""},
		"120 frames a second":           {join([]string{"-f", "lavfi", "-i", "testsrc2=size=320x180:rate=120:duration=2"}, yuv), "landscape", 320, 180, ""},
		"silence, as some phones write": {join(picture("320x180", "2"), []string{"-f", "lavfi", "-i", "anullsrc", "-t", "2"}, yuv), "landscape", 320, 180, "aac"},
	} {
		t.Run(name, func(t *testing.T) {
			media, out := transcode(t, mediatest.Make(t, "in.mp4", test.source...), test.preset)
			assert.Equal(t, "h264", media.Codec)
			assert.Equal(t, "yuv420p", media.PixelFormat)
			assert.Equal(t, test.width, media.Width)
			assert.Equal(t, test.height, media.Height)
			assert.Equal(t, 0, media.Rotation)
			assert.Equal(t, test.audio, media.AudioCodec)
			assert.InDelta(t, 2, media.Duration.Seconds(), 0.15)
			assert.LessOrEqual(t, media.FrameRate, 60.0)
			data := mediatest.Read(t, out)
			assert.Less(t, bytes.Index(data, []byte("moov")), bytes.Index(data, []byte("mdat")), "faststart: the index comes first")
		})
	}
}

func TestTranscodeTurnsUpright(t *testing.T) {
	photo := mediatest.Write(t, "upright.jpg", mediatest.JPEG(t, mediatest.Stored(mediatest.Quarters(360, 640), 6)))
	flat := mediatest.Make(t, "flat.mp4", "-loop", "1", "-t", "1", "-i", photo, "-pix_fmt", "yuv420p")
	media, out := transcode(t, mediatest.Turned(t, flat), "reel")
	assert.Equal(t, []int{360, 640, 0}, []int{media.Width, media.Height, media.Rotation})
	mediatest.AssertUpright(t, mediatest.Frame(t, out))
}

func TestTranscodeSquaresPixels(t *testing.T) {
	in := mediatest.Make(t, "dv.mp4", append(picture("360x288", "1"), "-vf", "setsar=64/45", "-pix_fmt", "yuv420p")...)
	media, _ := transcode(t, in, "landscape")
	assert.Equal(t, []int{512, 288}, []int{media.Width, media.Height}, "PAL widescreen is 16:9")
	assert.False(t, media.Squeezed)
}

func TestTranscodeMapsHDR(t *testing.T) {
	in := mediatest.HDR(t, "320x180")
	before, err := mediatest.Tools(t).Probe(t.Context(), in)
	require.NoError(t, err)
	require.True(t, before.HDR, "the source")
	media, _ := transcode(t, in, "landscape")
	assert.False(t, media.HDR)
	assert.Equal(t, "yuv420p", media.PixelFormat)
}

func TestTranscodeRejects(t *testing.T) {
	clip := mediatest.Read(t, mediatest.Make(t, "in.mp4", append(picture("320x180", "1"), "-pix_fmt", "yuv420p")...))
	for name, data := range map[string][]byte{
		"empty file":    nil,
		"text":          []byte("This is no video.\n"),
		"a photo":       mediatest.JPEG(t, mediatest.Quarters(64, 64)),
		"cut in half":   clip[:len(clip)/2],
		"sound alone":   mediatest.Read(t, mediatest.Make(t, "in.mka", "-f", "lavfi", "-i", "sine=duration=1", "-f", "matroska")),
		"huge":          []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x02\x00\x00\x00\x00\x00\x00\x00"),
		"playlist text": []byte("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := NewTranscoder(mediatest.Tools(t)).Transcode(t.Context(), mediatest.Write(t, "in", data), filepath.Join(t.TempDir(), "out.mp4"), "reel", func(float64) {})
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
		})
	}
}

func TestTranscodeSaysWhatIsNotAccepted(t *testing.T) {
	sound := []string{"-f", "lavfi", "-i", "sine=duration=1"}
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"video": {append(picture("320x180", "1"), "-c:v", "magicyuv"), "the video is encoded as magicyuv, which is not accepted; convert it to H.264 in MP4"},
		"sound": {append(append(picture("320x180", "1"), sound...), "-c:v", "libx264", "-pix_fmt", "yuv420p", "-c:a", "wavpack"),
			"the sound is encoded as wavpack, which is not accepted; convert it to AAC"},
		"size": {append(picture("7680x4320", "0.1"), "-c:v", "mjpeg", "-pix_fmt", "yuvj422p"),
			"7680 x 4320 pixels of yuvj422p take 301 MB of memory, and the limit is 192 MB; make the video smaller"},
	} {
		t.Run(name, func(t *testing.T) {
			in := mediatest.Make(t, "in.mkv", test.args...)
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
				_, err := NewTranscoder(mediatest.Tools(t)).Transcode(t.Context(), in, filepath.Join(t.TempDir(), "out.mp4"), "reel", func(float64) {})
				assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
				assert.EqualError(t, err, test.says)
			})
		})
	}
}

func TestTranscodeUsesTheSoundThatIsAccepted(t *testing.T) {
	in := mediatest.Make(t, "in.mkv", append(picture("320x180", "3"), "-f", "lavfi", "-i", "sine=duration=3",
		"-map", "1", "-map", "0", "-map", "1", "-c:a:0", "wavpack", "-c:a:1", "aac", "-c:v", "libx264", "-pix_fmt", "yuv420p")...)
	mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
		media, out := transcode(t, in, "landscape")
		assert.Equal(t, "aac", media.AudioCodec)
		assert.InDelta(t, -14, mediatest.Loudness(t, out), 4, "LUFS: not silent")
	})
}
