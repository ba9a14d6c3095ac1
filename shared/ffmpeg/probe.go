package ffmpeg

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"lambdas.internal/shared/fault"
)

// Media holds the properties of a file that ffprobe found.
type Media struct {
	// Container is ffprobe's format_name, for instance "mov,mp4,m4a,3gp,3g2,mj2".
	Container string
	// Codec of the video stream, for instance "h264".
	Codec string
	// PixelFormat of the video stream, for instance "yuv420p".
	PixelFormat string
	// Width and Height as a player shows them: with square pixels and after Rotation.
	Width, Height int
	// Squeezed is true when the stored pixels are not square.
	Squeezed bool
	// HDR is true when the picture has the brightness curve of HLG or PQ. A player without
	// HDR shows such a picture washed out.
	HDR   bool
	color color
	// Interlaced is true when each frame holds two pictures, in every second line one.
	Interlaced bool
	// Rotation that the container asks for, clockwise: 0, 90, 180 or 270 degrees.
	Rotation int
	// Duration is 0 for a still image.
	Duration time.Duration
	// FrameRate in frames a second; 0 when unknown.
	FrameRate float64
	// AudioCodec is the codec of the first audio stream that is accepted, or of the first
	// one if none is. It is empty when there is no audio stream.
	AudioCodec string
	// VideoStream and AudioStream are the positions of these streams among the video and
	// the audio streams, from 0.
	VideoStream, AudioStream int
	// Taken is when the recording began; zero when the file does not say.
	Taken time.Time
}

// Still tells whether the file is a single picture.
func (m Media) Still() bool {
	return strings.HasSuffix(m.Container, "_pipe") || m.Container == "mjpeg" || m.Duration == 0
}

// CheckSound returns a fault.InvalidInput when the media has sound only in codecs that
// are not accepted.
func (m Media) CheckSound() error {
	if m.AudioCodec != "" && decoders[m.AudioCodec] == nil {
		return refused("sound", m.AudioCodec)
	}
	return nil
}

// Deinterlaced returns the filters that make whole frames of interlaced video, or none.
// They come before all others.
func (m Media) Deinterlaced() []string {
	if !m.Interlaced {
		return nil
	}
	return []string{"yadif"}
}

// Squared returns the filters that make the pixels of the upright picture square, or
// none if they are square already.
func (m Media) Squared() []string {
	if !m.Squeezed {
		return nil
	}
	return []string{fmt.Sprintf("scale=%d:%d", m.Width, m.Height), "setsar=1"}
}

type probeOutput struct {
	Streams []probeStream `json:"streams"`
	Format  struct {
		Name     string `json:"format_name"`
		Duration string `json:"duration"`
		Tags     struct {
			// Taken in UTC. iPhones add the local time in a tag of their own, which is not read.
			Taken string `json:"creation_time"`
		} `json:"tags"`
	} `json:"format"`
}

type probeStream struct {
	Type        string `json:"codec_type"`
	Codec       string `json:"codec_name"`
	Tag         string `json:"codec_tag_string"`
	PixelFormat string `json:"pix_fmt"`
	Width       int    `json:"width"`
	Height      int    `json:"height"`
	PixelAspect string `json:"sample_aspect_ratio"`
	Matrix      string `json:"color_space"`
	Primaries   string `json:"color_primaries"`
	Transfer    string `json:"color_transfer"`
	Range       string `json:"color_range"`
	FieldOrder  string `json:"field_order"`
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

// fields are the words for interlaced video (libavcodec/codec_par.h, AVFieldOrder).
var fields = map[string]bool{"tt": true, "bb": true, "tb": true, "bt": true}

// unwantedLimit is how many codecs that are not accepted a file may have in streams that
// are not used: telephones and cameras add such tracks.
const unwantedLimit = 4

// Probe reads the properties of the media file at path. If the file is not a picture or
// video, or its picture has a codec that is not accepted, the error is a
// fault.InvalidInput. The content decides what kind of file it is. The path must not have
// the extension of a picture: ffmpeg would read it as a pattern for several files, and
// Probe would refuse it.
func (t *Tools) Probe(ctx context.Context, path string) (Media, error) {
	var unwanted []string
	for {
		report, words, err := t.probe(ctx, path, unwanted)
		if err == nil {
			media, err := parseProbe(report)
			if size := wrongSize.FindStringSubmatch(words); err != nil && size != nil {
				return Media{}, tooManyPixels(size[1], size[2])
			}
			return media, err
		}
		name := lastRefused(words)
		if fault.KindOf(err) != fault.InvalidInput || name == "" || slices.Contains(unwanted, name) {
			return Media{}, err
		}
		if len(unwanted) == unwantedLimit {
			return Media{}, fault.New(fault.InvalidInput, "the file has tracks in more than %d codecs that are not accepted, among them %s and %s; remove all tracks but the picture and the sound",
				unwantedLimit, strings.Join(unwanted, ", "), name)
		}
		unwanted = append(unwanted, name)
	}
}

// probe runs ffprobe, which fails when it cannot open a decoder for each stream. So it is
// allowed to open the unwanted decoders, which it needs to describe the streams. They get
// nothing to decode: an option that ends in a colon applies only to the decoders that
// ffprobe itself opens, and the code that reads packets uses the whitelist
// (libavformat/demux.c, avformat_find_stream_info).
func (t *Tools) probe(ctx context.Context, path string, unwanted []string) (report []byte, words string, err error) {
	args := append([]string{"-hide_banner", "-loglevel", "error"}, inputOptions...)
	if len(unwanted) > 0 {
		args = append(args, "-codec_whitelist:", whitelist+","+strings.Join(unwanted, ","))
	}
	args = append(args, "-show_format", "-show_streams", "-of", "json", "file:"+path)
	words, err = t.run(ctx, t.limits.probe, t.ffprobe, args, func(stdout io.Reader) error {
		report, err = io.ReadAll(io.LimitReader(stdout, t.limits.report+1))
		if err == nil && int64(len(report)) > t.limits.report {
			return fault.New(fault.InvalidInput, "the file's metadata is larger than the limit of %d MB; remove the metadata", t.limits.report>>20)
		}
		return nil // the way in which the program ended says more than a broken pipe
	})
	return report, words, err
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
	pictures, videos, sounds := 0, 0, 0
	for _, s := range out.Streams {
		if s.Type == "video" && s.Disposition.AttachedPicture == 0 {
			pictures++
		}
		switch {
		case s.Type == "audio":
			// The first accepted one: telephones add a second stream in a codec of their own.
			if media.AudioCodec == "" || decoders[media.AudioCodec] == nil && decoders[s.Codec] != nil {
				media.AudioCodec, media.AudioStream = s.codec(), sounds
			}
		case s.Type == "video" && media.Codec == "" && s.Disposition.AttachedPicture == 0:
			media.Codec, media.PixelFormat, media.VideoStream = s.codec(), s.PixelFormat, videos
			media.Width, media.Height = s.Width, s.Height
			if aspect := ratio(strings.Replace(s.PixelAspect, ":", "/", 1)); aspect > 0 && aspect != 1 {
				media.Squeezed = true
				media.Width = max(1, int(float64(s.Width)*aspect))
			}
			media.color = color{matrix: s.Matrix, primaries: s.Primaries, reach: s.Range}
			media.HDR = s.Transfer == "arib-std-b67" || s.Transfer == "smpte2084"
			media.Interlaced = fields[s.FieldOrder]
			media.FrameRate = ratio(s.FrameRate)
			media.Rotation = s.rotation()
			if media.Duration == 0 {
				media.Duration = seconds(s.Duration)
			}
		}
		switch s.Type {
		case "video":
			videos++
		case "audio":
			sounds++
		}
	}
	if media.Codec != "" && decoders[media.Codec] == nil {
		what := "video"
		if media.Still() {
			what = "picture"
		}
		return Media{}, refused(what, media.Codec)
	}
	if media.Codec == "" || media.Width <= 0 || media.Height <= 0 {
		return Media{}, fault.New(fault.InvalidInput, "ffprobe: the file has no picture or video (container %q)", media.Container)
	}
	if media.Duration == 0 && pictures > 1 {
		// A telephone's HEIC is a grid of tiles, and each tile is a stream to ffmpeg. The
		// first stream is only a corner of the photo.
		return Media{}, fault.New(fault.InvalidInput, "ffprobe: the picture is stored as %d tiles, which this service cannot join; convert it to JPEG", pictures)
	}
	if strings.HasSuffix(media.Container, "_pipe") || media.Container == "mjpeg" {
		media.Duration, media.FrameRate = 0, 0 // ffprobe gives a picture the duration of one frame
	}
	if media.Rotation%180 == 90 {
		media.Width, media.Height = media.Height, media.Width
	}
	return media, nil
}

// codec returns the stream's codec. If ffprobe does not know it, codec returns the tag
// that the file gives it.
func (s probeStream) codec() string {
	if s.Codec == "" || s.Codec == "unknown" || s.Codec == "none" {
		return fmt.Sprintf("%q", s.Tag)
	}
	return s.Codec
}

// rotation returns the turn in degrees clockwise. The display matrix counts
// counterclockwise, the older rotate tag clockwise (libavutil/display.h).
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
