package ffmpeg_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/mediatest"
)

// video returns the arguments for a clip of 0.4 seconds; sound those for a clip with sound.
func video(codec ...string) []string {
	return append([]string{"-f", "lavfi", "-i", "testsrc2=size=176x144:rate=25:duration=0.4"}, codec...)
}

func sound(codec ...string) []string {
	return append([]string{
		"-f", "lavfi", "-i", "testsrc2=size=176x144:rate=25:duration=0.4", "-f", "lavfi", "-i", "sine=duration=0.4",
		"-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast",
	}, codec...)
}

// decode has ffmpeg read every stream that a function reads.
func decode(t *testing.T, tools *ffmpeg.Tools, in string) (ffmpeg.Media, error) {
	t.Helper()
	media, err := tools.Probe(t.Context(), in)
	if err != nil {
		return media, err
	}
	options := []string{"-map", fmt.Sprintf("0:v:%d", media.VideoStream), "-c:v", "mjpeg", "-pix_fmt", "yuvj420p"}
	if media.AudioCodec != "" {
		options = append(options, "-map", fmt.Sprintf("0:a:%d", media.AudioStream), "-c:a", "pcm_s16le")
	}
	out := filepath.Join(t.TempDir(), "out.mkv")
	if err := tools.Run(t.Context(), ffmpeg.Job{Input: in, Output: out, OutputOptions: append(options, "-f", "matroska")}); err != nil {
		return media, err
	}
	made, err := tools.Probe(t.Context(), out)
	require.NoError(t, err)
	assert.Equal(t, "mjpeg", made.Codec)
	assert.Equal(t, media.AudioCodec != "", made.AudioCodec != "", "sound")
	return media, nil
}

// accepted are the kinds of media that telephones, cameras and browsers make, by codec.
var accepted = map[string]struct {
	file string
	args []string
}{
	"gif":           {"a.gif", video()},
	"mjpeg":         {"a.avi", video("-c:v", "mjpeg", "-pix_fmt", "yuvj422p")},
	"png":           {"a.png", video("-frames:v", "1")},
	"webp":          {"a.webp", video("-frames:v", "1")},
	"av1":           {"a.mp4", []string{"-f", "lavfi", "-i", "color=red:size=64x64", "-c:v", "libaom-av1", "-strict", "-2", "-cpu-used", "8", "-frames:v", "2"}},
	"dvvideo":       {"a.mov", []string{"-f", "lavfi", "-i", "testsrc2=size=720x576:rate=25:duration=0.2", "-c:v", "dvvideo", "-pix_fmt", "yuv420p"}},
	"h263":          {"a.3gp", video("-c:v", "h263")},
	"h264":          {"a.mp4", video("-c:v", "libx264", "-pix_fmt", "yuv420p")},
	"hevc":          {"a.mov", video("-c:v", "libx265", "-x265-params", "log-level=error", "-pix_fmt", "yuv420p10le", "-tag:v", "hvc1")},
	"mpeg1video":    {"a.mpg", video("-c:v", "mpeg1video")},
	"mpeg2video":    {"a.mpg", video("-c:v", "mpeg2video")},
	"mpeg4":         {"a.avi", video("-c:v", "mpeg4")},
	"prores":        {"a.mov", video("-c:v", "prores_ks", "-pix_fmt", "yuv422p10le")},
	"vp8":           {"a.webm", video("-c:v", "libvpx")},
	"vp9":           {"a.webm", video("-c:v", "libvpx-vp9")},
	"aac":           {"a.mp4", sound("-c:a", "aac")},
	"ac3":           {"a.mp4", sound("-c:a", "ac3")},
	"adpcm_ima_wav": {"a.avi", sound("-c:a", "adpcm_ima_wav")},
	"alac":          {"a.mov", sound("-c:a", "alac")},
	"amr_nb":        {"a.3gp", sound("-c:a", "libopencore_amrnb", "-ar", "8000", "-ac", "1", "-b:a", "12.2k")},
	"amr_wb":        {"a.3gp", sound("-c:a", "libvo_amrwbenc", "-ar", "16000", "-ac", "1")},
	"eac3":          {"a.mp4", sound("-c:a", "eac3")},
	"flac":          {"a.mkv", sound("-c:a", "flac")},
	"mp2":           {"a.mkv", sound("-c:a", "mp2")},
	"mp3":           {"a.mp4", sound("-c:a", "libmp3lame")},
	"opus":          {"a.mkv", sound("-c:a", "libopus")},
	"pcm_alaw":      {"a.mov", sound("-c:a", "pcm_alaw")},
	"pcm_f32be":     {"a.mov", sound("-c:a", "pcm_f32be")},
	"pcm_f32le":     {"a.mov", sound("-c:a", "pcm_f32le")},
	"pcm_mulaw":     {"a.mov", sound("-c:a", "pcm_mulaw")},
	"pcm_s16be":     {"a.mov", sound("-c:a", "pcm_s16be")},
	"pcm_s16le":     {"a.avi", sound("-c:a", "pcm_s16le")},
	"pcm_s24be":     {"a.mov", sound("-c:a", "pcm_s24be")},
	"pcm_s24le":     {"a.mov", sound("-c:a", "pcm_s24le")},
	"pcm_s32be":     {"a.mov", sound("-c:a", "pcm_s32be")},
	"pcm_s32le":     {"a.mov", sound("-c:a", "pcm_s32le")},
	"pcm_s8":        {"a.mov", sound("-c:a", "pcm_s8")},
	"pcm_u8":        {"a.avi", sound("-c:a", "pcm_u8")},
	"vorbis":        {"a.mkv", sound("-c:a", "libvorbis")},
}

func TestEveryAcceptedCodecIsDecoded(t *testing.T) {
	files := map[string]string{}
	for codec, source := range accepted {
		made := mediatest.Make(t, source.file, source.args...)
		files[codec] = mediatest.Write(t, "original", mediatest.Read(t, made))
	}
	mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
		for codec := range ffmpeg.Accepted() {
			t.Run(codec, func(t *testing.T) {
				require.Contains(t, files, codec, "no file with this codec")
				media, err := decode(t, tools, files[codec])
				require.NoError(t, err)
				assert.Contains(t, []string{media.Codec, media.AudioCodec}, codec)
			})
		}
	})
}

func TestOtherCodecsAreRefused(t *testing.T) {
	for name, test := range map[string]struct {
		file string
		args []string
		says string
	}{
		"MagicYUV in AVI":  {"a.avi", video("-c:v", "magicyuv"), "the video is encoded as magicyuv, which is not accepted; convert it to H.264 in MP4"},
		"MagicYUV in MKV":  {"a.mkv", video("-c:v", "magicyuv"), "the video is encoded as magicyuv"},
		"MagicYUV in MOV":  {"a.mov", video("-c:v", "magicyuv"), "the video is encoded as magicyuv"},
		"FFV1":             {"a.mkv", video("-c:v", "ffv1"), "the video is encoded as ffv1"},
		"Ut Video":         {"a.avi", video("-c:v", "utvideo"), "the video is encoded as utvideo"},
		"HuffYUV":          {"a.avi", video("-c:v", "huffyuv", "-pix_fmt", "yuv422p"), "the video is encoded as huffyuv"},
		"QuickTime RLE":    {"a.mov", video("-c:v", "qtrle"), "the video is encoded as qtrle"},
		"raw":              {"a.avi", video("-c:v", "rawvideo"), "the video is encoded as rawvideo"},
		"Windows Media":    {"a.asf", video("-c:v", "wmv2"), "the video is encoded as wmv2"},
		"Flash":            {"a.flv", video("-c:v", "flv1"), "the video is encoded as flv1"},
		"Theora":           {"a.mkv", video("-c:v", "libtheora"), "the video is encoded as theora"},
		"JPEG 2000 in MOV": {"a.mov", video("-c:v", "jpeg2000"), "the video is encoded as jpeg2000"},
		"TIFF":             {"a.tiff", video("-frames:v", "1"), "the picture is encoded as tiff, which is not accepted; convert it to JPEG"},
		"BMP":              {"a.bmp", video("-frames:v", "1"), "the picture is encoded as bmp"},
	} {
		t.Run(name, func(t *testing.T) {
			if test.file == "a.flv" {
				test.args = video("-c:v", "flv")
			}
			file := mediatest.Write(t, "original", mediatest.Read(t, mediatest.Make(t, test.file, test.args...)))
			mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
				_, err := tools.Probe(t.Context(), file)
				assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
				require.ErrorContains(t, err, test.says)
				err = tools.Run(t.Context(), ffmpeg.Job{Input: file, Output: filepath.Join(t.TempDir(), "out"), OutputOptions: []string{"-frames:v", "1", "-f", "mjpeg"}})
				assert.Equal(t, fault.InvalidInput, fault.KindOf(err), "ffmpeg itself: %v", err)
			})
		})
	}
}

func TestUnwantedTracksDoNotMatter(t *testing.T) {
	subtitles := mediatest.Write(t, "a.srt", []byte("1\n00:00:00,000 --> 00:00:00,300\nHello\n"))
	cover := mediatest.Make(t, "cover.bmp", "-f", "lavfi", "-i", "color=red:size=32x32", "-frames:v", "1")
	with := func(more ...string) []string {
		return append([]string{
			"-f", "lavfi", "-i", "testsrc2=size=176x144:rate=25:duration=0.4", "-f", "lavfi", "-i", "sine=duration=0.4", "-i", subtitles, "-i", cover,
			"-pix_fmt", "yuv420p", "-preset", "ultrafast",
		}, more...)
	}
	for name, test := range map[string]struct {
		file    string
		args    []string
		isSound string
	}{
		"a second sound that is not accepted": {"a.mkv", with("-map", "0", "-map", "1", "-map", "1", "-c:v", "libx264", "-c:a:0", "aac", "-c:a:1", "wavpack"), "aac"},
		"a first sound that is not accepted":  {"a.mkv", with("-map", "1", "-map", "0", "-map", "1", "-c:v", "libx264", "-c:a:0", "wavpack", "-c:a:1", "aac"), "aac"},
		"two sounds that are not accepted":    {"a.mkv", with("-map", "0", "-map", "1", "-map", "1", "-map", "1", "-c:v", "libx264", "-c:a:0", "aac", "-c:a:1", "wavpack", "-c:a:2", "truehd", "-strict", "-2"), "aac"},
		"subtitles of MP4":                    {"a.mp4", with("-map", "0", "-map", "1", "-map", "2", "-c:v", "libx264", "-c:a", "aac", "-c:s", "mov_text"), "aac"},
		"subtitles of Matroska":               {"a.mkv", with("-map", "0", "-map", "2", "-c:v", "libx264", "-c:s", "ass"), ""},
		"time code of cameras":                {"a.mov", with("-map", "0", "-c:v", "libx264", "-timecode", "01:02:03:04"), ""},
		"an attachment":                       {"a.mkv", with("-map", "0", "-c:v", "libx264", "-attach", subtitles, "-metadata:s:t", "mimetype=text/plain"), ""},
		"a cover that is not accepted":        {"a.mkv", with("-map", "0", "-c:v", "libx264", "-attach", cover, "-metadata:s:t", "mimetype=image/bmp"), ""},
		"a second video that is not accepted": {"a.mkv", with("-map", "0", "-map", "0", "-c:v:0", "libx264", "-c:v:1", "magicyuv"), ""},
		"an unknown track after the AAC":      {"apac.mov", with("-map", "0", "-map", "1", "-map", "1", "-c:v", "libx264", "-c:a:0", "aac", "-c:a:1", "pcm_s24be"), "aac"},
	} {
		t.Run(name, func(t *testing.T) {
			data := mediatest.Read(t, mediatest.Make(t, test.file, test.args...))
			if test.file == "apac.mov" { // the tag of the second track of an iPhone 16
				data = bytes.ReplaceAll(data, []byte("in24"), []byte("apac"))
			}
			file := mediatest.Write(t, "original", data)
			mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
				media, err := decode(t, tools, file)
				require.NoError(t, err)
				assert.Equal(t, "h264", media.Codec)
				assert.Equal(t, test.isSound, media.AudioCodec)
				require.NoError(t, media.CheckSound())
			})
		})
	}
}

func TestTracksOfTooManyKinds(t *testing.T) {
	args := []string{"-f", "lavfi", "-i", "testsrc2=size=176x144:rate=25:duration=0.4", "-f", "lavfi", "-i", "sine=duration=0.4:sample_rate=48000", "-map", "0", "-c:v", "libx264", "-strict", "-2"}
	for i, codec := range []string{"wavpack", "truehd", "dca", "tta", "wmav2"} {
		args = append(args, "-map", "1", fmt.Sprintf("-c:a:%d", i), codec)
	}
	file := mediatest.Write(t, "original", mediatest.Read(t, mediatest.Make(t, "a.mkv", args...)))
	mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
		_, err := tools.Probe(t.Context(), file)
		assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
		assert.ErrorContains(t, err, "more than 4 codecs that are not accepted")
	})
}

func TestSoundThatIsNotAccepted(t *testing.T) {
	file := mediatest.Write(t, "original", mediatest.Read(t, mediatest.Make(t, "a.mkv", sound("-c:a", "wavpack")...)))
	mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
		media, err := tools.Probe(t.Context(), file)
		require.NoError(t, err, "Probe still accepts the file, for a thumbnail")
		require.EqualError(t, media.CheckSound(), "the sound is encoded as wavpack, which is not accepted; convert it to AAC")
		assert.Equal(t, fault.InvalidInput, fault.KindOf(media.CheckSound()))
	})
}

func TestTransportStream(t *testing.T) {
	file := mediatest.Write(t, "original", mediatest.Read(t, mediatest.Make(t, "a.ts", sound("-c:a", "ac3")...)))
	mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
		media, err := decode(t, tools, file)
		require.NoError(t, err)
		assert.Equal(t, []string{"mpegts", "h264", "ac3"}, []string{media.Container, media.Codec, media.AudioCodec})
	})
}

func TestAVIF(t *testing.T) {
	mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
		if strings.HasSuffix(t.Name(), "offline") {
			return // the offline ffmpeg cannot write AVIF
		}
		media, err := decode(t, tools, mediatest.Write(t, "original", mediatest.Read(t, mediatest.Make(t, "a.avif", video("-frames:v", "1", "-pix_fmt", "yuv420p")...))))
		require.NoError(t, err)
		assert.Equal(t, "av1", media.Codec)
	})
}
