package ffmpeg

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"lambdas.internal/shared/fault"
)

// Media is what ffprobe says of a file.
type Media struct {
	// Container is ffprobe's format_name, for instance "mov,mp4,m4a,3gp,3g2,mj2".
	Container string
	// Codec of the video stream, for instance "h264".
	Codec string
	// PixelFormat of the video stream, for instance "yuv420p".
	PixelFormat string
	// Width and Height as shown, that is with square pixels and after Rotation.
	Width, Height int
	// Squeezed tells that the stored pixels are not square.
	Squeezed bool
	// HDR tells that the picture has the brightness curve of HLG or PQ, which a player
	// without HDR shows washed out.
	HDR bool
	// Rotation that the container asks for, clockwise: 0, 90, 180 or 270 degrees.
	Rotation int
	// Duration is 0 for a still image.
	Duration time.Duration
	// FrameRate in frames a second; 0 when unknown.
	FrameRate float64
	// AudioCodec is empty when there is no audio stream.
	AudioCodec string
	// Taken is when the recording began; zero when the file does not say.
	Taken time.Time
}

// Still tells whether the file is a single picture.
func (m Media) Still() bool {
	return strings.HasSuffix(m.Container, "_pipe") || m.Container == "mjpeg" || m.Duration == 0
}

// pixelLimit keeps a decoded picture (4 bytes a pixel at worst) within a function
// of 1 GB.
const pixelLimit = 150_000_000

// CheckPixels returns a fault.InvalidInput when decoding the picture could take
// more memory than a function has.
func (m Media) CheckPixels() error {
	if pixels := int64(m.Width) * int64(m.Height); pixels > pixelLimit {
		return fault.New(fault.InvalidInput, "%d x %d pixels are more than the limit of %d million", m.Width, m.Height, pixelLimit/1_000_000)
	}
	return nil
}

// Squared returns the filters that make the pixels of the upright picture square;
// none when they are.
func (m Media) Squared() []string {
	if !m.Squeezed {
		return nil
	}
	return []string{fmt.Sprintf("scale=%d:%d", m.Width, m.Height), "setsar=1"}
}

// ToneMap returns the filters that make of an HDR picture one that every player
// shows, by Hable's curve on 100 nits of white (ITU-R BT.2100 and BT.709); none for
// other pictures.
func (m Media) ToneMap() []string {
	if !m.HDR {
		return nil
	}
	return []string{
		"format=yuv444p10le", // zscale refuses odd sizes with halved colour
		"zscale=transfer=linear:npl=100", "format=gbrpf32le", "zscale=primaries=bt709", "tonemap=tonemap=hable:desat=0",
		"zscale=transfer=bt709:matrix=bt709:range=tv", "format=yuv444p",
	}
}

type probeOutput struct {
	Streams []probeStream `json:"streams"`
	Format  struct {
		Name     string `json:"format_name"`
		Duration string `json:"duration"`
		Tags     struct {
			// Taken in UTC; iPhones add the local time in a tag of Apple's.
			Taken string `json:"creation_time"`
		} `json:"tags"`
	} `json:"format"`
}

type probeStream struct {
	Type        string `json:"codec_type"`
	Codec       string `json:"codec_name"`
	PixelFormat string `json:"pix_fmt"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	PixelAspect string `json:"sample_aspect_ratio"`
	Transfer    string `json:"color_transfer"`
	FrameRate   string `json:"avg_frame_rate"`
	Duration    string `json:"duration"`
	Disposition struct {
		AttachedPicture int `json:"attached_pic"`
	} `json:"disposition"`
	Tags struct {
		Rotate string `json:"rotate"`
	} `json:"tags"`
	SideData []struct {
		Rotation *float64 `json:"rotation"`
	} `json:"side_data_list"`
}

// Probe reads the properties of the media file at path. A file that is no image
// or video is a fault.InvalidInput. The kind of file is told by its content: a path
// that ends in a picture's extension is refused, as ffmpeg would take it for a
// pattern of several files.
func (t *Tools) Probe(ctx context.Context, path string) (Media, error) {
	cmd, stderr := command(ctx, t.ffprobe, []string{
		"-hide_banner", "-loglevel", "error", "-format_whitelist", demuxers, "-protocol_whitelist", "file",
		"-show_format", "-show_streams", "-of", "json", "file:" + path,
	})
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	if err := cmd.Run(); err != nil {
		return Media{}, failure(ctx, "ffprobe", err, stderr)
	}
	return parseProbe(stdout.Bytes())
}

func parseProbe(data []byte) (Media, error) {
	var out probeOutput
	if err := json.Unmarshal(data, &out); err != nil {
		return Media{}, fault.New(fault.Internal, "ffprobe: parse its output: %w", err)
	}
	media := Media{Container: out.Format.Name, Duration: seconds(out.Format.Duration)}
	if taken, err := time.Parse(time.RFC3339Nano, out.Format.Tags.Taken); err == nil {
		media.Taken = taken.UTC()
	}
	pictures := 0
	for _, s := range out.Streams {
		if s.Type == "video" && s.Disposition.AttachedPicture == 0 {
			pictures++
		}
		switch {
		case s.Type == "audio" && media.AudioCodec == "":
			media.AudioCodec = s.Codec
		case s.Type == "video" && media.Codec == "" && s.Disposition.AttachedPicture == 0:
			media.Codec, media.PixelFormat = s.Codec, s.PixelFormat
			media.Width, media.Height = s.Width, s.Height
			if aspect := ratio(strings.Replace(s.PixelAspect, ":", "/", 1)); aspect > 0 && aspect != 1 {
				media.Squeezed = true
				media.Width = max(1, int(float64(s.Width)*aspect))
			}
			media.HDR = s.Transfer == "arib-std-b67" || s.Transfer == "smpte2084"
			media.FrameRate = ratio(s.FrameRate)
			media.Rotation = s.rotation()
			if media.Duration == 0 {
				media.Duration = seconds(s.Duration)
			}
		}
	}
	if media.Codec == "" || media.Width <= 0 || media.Height <= 0 {
		return Media{}, fault.New(fault.InvalidInput, "ffprobe: no picture in the file (container %q)", media.Container)
	}
	if media.Duration == 0 && pictures > 1 {
		// A telephone's HEIC is a grid of tiles, each a stream to ffmpeg: taking the
		// first one would pass off a corner as the photo.
		return Media{}, fault.New(fault.InvalidInput, "ffprobe: the picture is stored as %d tiles, which are not put together; convert it to JPEG", pictures)
	}
	if strings.HasSuffix(media.Container, "_pipe") || media.Container == "mjpeg" {
		media.Duration, media.FrameRate = 0, 0 // ffprobe gives a picture the length of one frame
	}
	if media.Rotation%180 == 90 {
		media.Width, media.Height = media.Height, media.Width
	}
	return media, nil
}

// rotation returns the clockwise turn. The display matrix counts counterclockwise,
// the older rotate tag clockwise (libavutil/display.h).
func (s probeStream) rotation() int {
	var degrees float64
	for _, d := range s.SideData {
		if d.Rotation != nil {
			degrees = -*d.Rotation
		}
	}
	if degrees == 0 {
		degrees, _ = strconv.ParseFloat(s.Tags.Rotate, 64)
	}
	quarter := int(math.Round(degrees/90)) % 4
	return (quarter + 4) % 4 * 90
}

func seconds(s string) time.Duration {
	v, err := strconv.ParseFloat(s, 64)
	if err != nil || v < 0 || v > math.MaxInt64/1e10 {
		return 0
	}
	return time.Duration(v * float64(time.Second))
}

func ratio(s string) float64 {
	num, den, _ := strings.Cut(s, "/")
	n, err1 := strconv.ParseFloat(num, 64)
	d, err2 := strconv.ParseFloat(den, 64)
	if err1 != nil || err2 != nil || d == 0 {
		return 0
	}
	return n / d
}
