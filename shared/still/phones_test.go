package still_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
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

// What telephones and cameras really store.

func TestHEIC(t *testing.T) {
	upright := mediatest.Quarters(1200, 900)
	for name, test := range map[string]struct {
		stored exif.Orientation
		args   []string
	}{
		"one picture":                {1, nil},
		"one picture and thumbnail":  {1, []string{"--thumb", "128"}},
		"turned a quarter":           {6, []string{"--rotate-cw", "90"}},
		"turned upside down":         {3, []string{"--rotate-cw", "180"}},
		"tiles":                      {1, []string{"--cut-tiles", "512"}},
		"tiles and thumbnail":        {1, []string{"--cut-tiles", "512", "--thumb", "128"}},
		"tiles turned a quarter":     {6, []string{"--cut-tiles", "512", "--rotate-cw", "90"}},
		"tiles turned three quarter": {8, []string{"--cut-tiles", "512", "--rotate-cw", "270"}},
	} {
		t.Run(name, func(t *testing.T) {
			in := mediatest.HEIC(t, mediatest.Stored(upright, test.stored), test.args...)
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				if strings.HasSuffix(t.Name(), "offline") {
					assert.EqualError(t, refusal(t, in), "HEIC pictures are not supported by the version of ffmpeg here, or the file is not complete; convert the picture to JPEG")
					return
				}
				made, img := makeStill(t, in)
				assert.Equal(t, still.Picture{Width: 400, Height: 300}, made)
				mediatest.AssertUpright(t, img)
			})
		})
	}
}

func TestLargeHEICIsRefusedBeforeItIsDecoded(t *testing.T) {
	in := mediatest.HEIC(t, mediatest.Quarters(4032, 3024), "--cut-tiles", "512")
	mediatest.Modern(t)
	t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
	assert.EqualError(t, refusal(t, in), "4032 x 3024 pixels of yuvj420p take 245 MB of memory, and the limit is 192 MB; make the picture smaller")
}

// With too little memory, ffmpeg 7 waited for ever for a thread of its own.
func TestHEICInAFunctionWithLittleMemory(t *testing.T) {
	in := mediatest.HEIC(t, mediatest.Quarters(1600, 1200))
	mediatest.Modern(t)
	for megabytes := 128; megabytes < 160; megabytes += 4 {
		t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", strconv.Itoa(megabytes))
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		_, err := still.New(mediatest.Tools(t), still.ThumbnailSide).Make(ctx, in, filepath.Join(t.TempDir(), "still.jpg"))
		cancel()
		assert.Contains(t, []fault.Kind{"", fault.InvalidInput}, fault.KindOf(err), "%d MB: %v", megabytes, err)
	}
}

func TestJPEGWithMoreBehindIt(t *testing.T) {
	photo := mediatest.WithEXIF(mediatest.JPEG(t, mediatest.Stored(mediatest.Quarters(800, 600), 6)), 6, time.Time{})
	clip := mediatest.Read(t, mediatest.Make(t, "clip.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=1", "-pix_fmt", "yuv420p"))
	for name, more := range map[string][]byte{
		"motion photo":           clip,
		"gain map":               mediatest.JPEG(t, mediatest.Quarters(200, 150)),
		"several small pictures": bytes.Repeat(mediatest.JPEG(t, image.NewGray(image.Rect(0, 0, 40, 30))), 5),
	} {
		t.Run(name, func(t *testing.T) {
			in := mediatest.Write(t, "photo", slices.Concat(photo, more))
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				made, img := makeStill(t, in)
				assert.Equal(t, still.Picture{Width: 400, Height: 300}, made)
				mediatest.AssertUpright(t, img)
			})
		})
	}
}

func TestPaletteWithTransparencyBecomesWhite(t *testing.T) {
	img := image.NewPaletted(image.Rect(0, 0, 200, 200), color.Palette{color.NRGBA{0, 90, 0, 0}, color.NRGBA{200, 0, 0, 255}})
	for y := range 100 {
		for x := range 200 {
			img.SetColorIndex(x, y, 1)
		}
	}
	var buf bytes.Buffer
	require.NoError(t, png.Encode(&buf, img))
	in := mediatest.Write(t, "logo", buf.Bytes())
	mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
		_, got := makeStill(t, in)
		assertGrey(t, got.At(100, 150), 250, 255)
		r, g, _, _ := got.At(100, 50).RGBA()
		assert.True(t, r>>8 > 180 && g>>8 < 30, "opaque half stays red: %d %d", r>>8, g>>8)
	})
}

// withProfile adds a colour profile to a JPEG file (ICC.1:2022, annex B.4).
func withProfile(photo []byte, space string, size int) []byte {
	profile := make([]byte, size)
	binary.BigEndian.PutUint32(profile, uint32(size))
	copy(profile[12:], "prtr"+space+"Lab ")
	copy(profile[36:], "acsp")
	segment := append([]byte("ICC_PROFILE\x00\x01\x01"), profile...)
	head := binary.BigEndian.AppendUint16([]byte{0xff, 0xe2}, uint16(len(segment)+2))
	return slices.Concat(photo[:2], head, segment, photo[2:])
}

func TestProfileOfOtherColoursIsLeftOut(t *testing.T) {
	in := mediatest.Write(t, "photo", withProfile(mediatest.JPEG(t, mediatest.Quarters(100, 100)), "CMYK", 60_000))
	mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
		out := filepath.Join(t.TempDir(), "still.jpg")
		_, err := still.New(tools, still.ThumbnailSide).Make(t.Context(), in, out)
		require.NoError(t, err)
		assert.Negative(t, bytes.Index(mediatest.Read(t, out), []byte("ICC_PROFILE")))
	})
}

// What prints are made of: ink and its inverse, as Adobe's programs write them, and the same
// as brightness and colour (Adobe Technical Note 5116, 18). Go reads them in the same way.
func TestPhotoOfFourInks(t *testing.T) {
	const rgbk, ycck = 0, 2
	for name, test := range map[string]struct{ width, height, adobe, part int }{
		"CMYK":                       {900, 600, rgbk, 1},
		"CMYK, reduced":              {1800, 1200, rgbk, 1},
		"YCCK":                       {900, 600, ycck, 1},
		"YCCK, reduced":              {1800, 1200, ycck, 1},
		"YCCK of fewer colours":      {900, 600, ycck, 2},
		"YCCK that is never reduced": {1800, 1200, ycck, 2},
	} {
		t.Run(name, func(t *testing.T) {
			img := mediatest.Quarters(test.width, test.height)
			var planes []mediatest.Plane
			for i := range 4 {
				part := 1
				if i == 1 || i == 2 {
					part = test.part
				}
				values := mediatest.Channel(img, part, part, func(r, g, b uint8) uint8 {
					light := max(r, g, b) // the rest is black ink
					parts := []uint8{uint8(int(r) * 255 / int(light)), uint8(int(g) * 255 / int(light)), uint8(int(b) * 255 / int(light)), light}
					if test.adobe == ycck {
						parts[0], parts[1], parts[2] = color.RGBToYCbCr(255-parts[0], 255-parts[1], 255-parts[2])
					}
					return parts[i]
				})
				planes = append(planes, mediatest.Plane{Values: values, Across: test.part / part, Downward: test.part / part})
			}
			photo := mediatest.JPEGOf(t, test.width, test.height, test.adobe, planes...)
			known, err := jpeg.Decode(bytes.NewReader(photo))
			require.NoError(t, err)
			mediatest.AssertUpright(t, known)
			in := mediatest.Write(t, "photo", withProfile(photo, "CMYK", 60_000))
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				out := filepath.Join(t.TempDir(), "still.jpg")
				made, err := still.New(mediatest.Tools(t), still.ThumbnailSide).Make(t.Context(), in, out)
				require.NoError(t, err)
				data := mediatest.Read(t, out)
				img, err := jpeg.Decode(bytes.NewReader(data))
				require.NoError(t, err)
				assert.Equal(t, still.Picture{Width: 400, Height: 267}, made)
				mediatest.AssertUpright(t, img)
				assert.IsType(t, &image.YCbCr{}, img)
				assert.NotContains(t, string(data), "ICC_PROFILE")
			})
		})
	}
}

// The primaries of P3, as iPhones name them, and those of BT.601. The sizes are odd.
func TestPrimariesAreConverted(t *testing.T) {
	for _, primaries := range []string{"smpte432", "smpte431", "smpte170m", "bt470bg", "bt470m", "smpte240m", "bt2020"} {
		t.Run(primaries, func(t *testing.T) {
			in := mediatest.Make(t, "in.mp4", "-f", "lavfi", "-i", "color=0xb45a3c:size=640x360:rate=10:duration=1,format=gbrp",
				"-vf", "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,colorspace=iall=bt709:primaries="+primaries+":space=bt709:trc=bt709:range=tv",
				"-c:v", "libx264", "-qp", "4", "-colorspace", "bt709", "-color_primaries", primaries, "-color_trc", "bt709", "-color_range", "tv")
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				made, img := makeStill(t, in)
				assert.Equal(t, 225, made.Height)
				got := color.RGBAModel.Convert(img.At(100, 100)).(color.RGBA)
				for i, far := range []int{int(got.R) - 180, int(got.G) - 90, int(got.B) - 60} {
					assert.Less(t, max(far, -far), 9, "%v, channel %d", got, i)
				}
			})
		})
	}
}

func TestVideoKinds(t *testing.T) {
	clip := []string{"-f", "lavfi", "-i", "color=gray:size=320x240:rate=25:duration=2"}
	fragmented := mediatest.Read(t, mediatest.Make(t, "in.mp4", append(clip, "-pix_fmt", "yuv420p", "-movflags", "frag_keyframe+empty_moov+default_base_moof")...))
	for _, name := range []string{"mvhd", "tkhd", "mdhd"} { // unknown is the largest number
		at := bytes.Index(fragmented, []byte(name)) + 20
		if name == "tkhd" {
			at += 4
		}
		binary.BigEndian.PutUint32(fragmented[at:], 1<<32-1)
	}
	for name, in := range map[string]string{
		"a small track of the camera first": mediatest.Make(t, "in.mp4", append(clip, "-f", "lavfi", "-i", "color=red:size=10x12:rate=25:duration=2", "-map", "1", "-map", "0", "-pix_fmt", "yuv420p", "-disposition:v:0", "0", "-disposition:v:1", "default")...),
		"fragmented, of unknown length":     mediatest.Write(t, "in", fragmented),
		"transport stream of a camera":      mediatest.Make(t, "in.ts", append(clip, "-pix_fmt", "yuv420p", "-metadata", "service_name=\x14Name")...),
		"WebM of a browser, without length": mediatest.Make(t, "in.webm", append(clip, "-c:v", "libvpx", "-live", "1")...),
	} {
		t.Run(name, func(t *testing.T) {
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				made, img := makeStill(t, in)
				assert.Equal(t, image.Pt(320, 240), image.Pt(made.Width, made.Height))
				assert.InDelta(t, 2, made.Duration.Seconds(), 0.2)
				assertGrey(t, img.At(160, 120), 118, 138)
			})
		})
	}
}

func TestHDRPhoto(t *testing.T) {
	mediatest.Modern(t) // the offline ffmpeg neither writes nor reads AVIF
	in := mediatest.Make(t, "in.avif", "-f", "lavfi", "-i", "testsrc2=size=641x361", "-frames:v", "1",
		"-vf", "zscale=tin=bt709:min=bt709:pin=bt709:rin=tv:t=smpte2084:m=bt2020nc:p=bt2020:npl=100,format=yuv420p10le", "-c:v", "libaom-av1", "-cpu-used", "8",
		"-color_trc", "smpte2084", "-colorspace", "bt2020nc", "-color_primaries", "bt2020")
	made, img := makeStill(t, in)
	assert.Equal(t, 400, made.Width)
	_, flat := makeStill(t, mediatest.Make(t, "flat.png", "-f", "lavfi", "-i", "testsrc2=size=641x361", "-frames:v", "1"))
	assert.InDelta(t, meanLuma(flat), meanLuma(img), 60, "neither dark nor washed out")
}

// refusal returns the error for a file that is refused, and checks that a caller who reads
// it sees a sentence and not the words of ffmpeg.
func refusal(t *testing.T, in string) error {
	t.Helper()
	_, err := still.New(mediatest.Tools(t), still.ThumbnailSide).Make(t.Context(), in, filepath.Join(t.TempDir(), "still.jpg"))
	require.Error(t, err)
	assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
	for _, word := range []string{"ffmpeg:", "ffprobe", "exit status", "0x", "Invalid data", "signal"} {
		assert.NotContains(t, err.Error(), word)
	}
	return err
}

func TestRefusalsSayWhatToDo(t *testing.T) {
	clip := mediatest.Read(t, mediatest.Make(t, "clip.mp4", "-f", "lavfi", "-i", "testsrc2=size=320x240:rate=30:duration=2", "-pix_fmt", "yuv420p"))
	photo := mediatest.JPEG(t, mediatest.Scenery(1, 640, 480))
	const unknown = "the file is not a picture or video of a known kind; convert it to JPEG, or to H.264 in MP4"
	const damaged = "the file is damaged or not complete; send it again, or convert it to JPEG, or to H.264 in MP4"
	for name, test := range map[string]struct {
		data []byte
		says string
	}{
		"empty":                 {nil, "the file is empty"},
		"text":                  {[]byte("hello, world"), unknown},
		"PDF":                   {[]byte("%PDF-1.7\n"), unknown},
		"sound":                 {[]byte("ID3\x04\x00\x00"), unknown},
		"animated WebP":         {[]byte("RIFF\x00\x01\x00\x00WEBPVP8X\x0a\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00"), "animated WebP is not supported; convert it to MP4 or GIF"},
		"clip cut in half":      {clip[:len(clip)/2], "the video is not complete: it has no index; send the whole file"},
		"start of a JPEG alone": {photo[:20], damaged},
		"TIFF":                  {[]byte("II*\x00\x08\x00\x00\x00"), "the picture is encoded as tiff, which is not accepted; convert it to JPEG"},
		"start of a MOV alone":  {[]byte("\x00\x00\x00\x14ftypqt  \x00\x00\x02\x00qt  "), "the video is not complete: it has no index; send the whole file"},
	} {
		t.Run(name, func(t *testing.T) {
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				assert.EqualError(t, refusal(t, mediatest.Write(t, "in", test.data)), test.says)
			})
		})
	}
}
