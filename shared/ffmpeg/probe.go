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

type probeOutput struct {
	Streams []probeStream `json:"streams"`
	Groups  []probeGroup  `json:"stream_groups"`
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
	Profile     string `json:"profile"`
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
		Default         int `json:"default"`
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
// fault.InvalidInput. The content decides what kind of file it is.
func (t *Tools) Probe(ctx context.Context, path string) (Media, error) {
	in, err := open(ctx, path)
	if err != nil {
		return Media{}, err
	}
	media, tiles, err := t.describe(ctx, in)
	if err == nil && tiles {
		media, _, err = t.describe(ctx, in, "-show_stream_groups")
	}
	if err == nil && media.endless() {
		media.Duration, err = t.length(ctx, path, media)
	}
	return media, err
}

// describe has ffprobe report on a file. The value of tiles is true when the picture is
// stored in parts, but the report does not say how they are put together.
func (t *Tools) describe(ctx context.Context, in source, more ...string) (media Media, tiles bool, err error) {
	var unwanted []string
	for {
		report, words, err := t.probe(ctx, in, unwanted, more)
		if err == nil {
			media, tiles, err := parseProbe(report, in.still, len(more) > 0)
			if size := wrongSize.FindStringSubmatch(words); err != nil && size != nil {
				return Media{}, false, tooManyPixels(size[1], size[2])
			}
			return media, tiles, err
		}
		if unknown := in.unknown(words); unknown != nil {
			return Media{}, false, unknown
		}
		name := lastRefused(words)
		if fault.KindOf(err) != fault.InvalidInput || name == "" || slices.Contains(unwanted, name) {
			return Media{}, false, err
		}
		if len(unwanted) == unwantedLimit {
			return Media{}, false, fault.New(fault.InvalidInput, "the file has tracks in more than %d codecs that are not accepted, among them %s and %s; remove all tracks but the picture and the sound",
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
func (t *Tools) probe(ctx context.Context, in source, unwanted, more []string) (report []byte, words string, err error) {
	args := append([]string{"-hide_banner", "-loglevel", "error"}, in.options()...)
	if len(unwanted) > 0 {
		args = append(args, "-codec_whitelist:", whitelist+","+strings.Join(unwanted, ","))
	}
	args = append(append(args, "-show_format", "-show_streams"), more...)
	args = append(args, "-of", "json", in.address)
	words, err = t.run(ctx, t.limits.probe, t.ffprobe, args, func(stdout io.Reader) error {
		report, err = io.ReadAll(io.LimitReader(stdout, t.limits.report+1))
		if err == nil && int64(len(report)) > t.limits.report {
			return fault.New(fault.InvalidInput, "the file's metadata is larger than the limit of %d MB; remove the metadata", t.limits.report>>20)
		}
		return nil // the way in which the program ended says more than a broken pipe
	})
	return report, words, err
}

// longest is the duration from which on a duration is not believed: an index may say that
// it is unknown with the largest number (ISO/IEC 14496-12, 8.2.2).
const longest = 12 * time.Hour

// endless tells whether the length of a video must be found by reading it. Browsers write
// WebM without one.
func (m Media) endless() bool {
	return m.Duration > longest || m.Duration == 0 && strings.HasPrefix(m.Container, "matroska")
}

// length reads a video to its end without decoding it, and returns its duration.
func (t *Tools) length(ctx context.Context, path string, m Media) (duration time.Duration, err error) {
	err = t.Run(ctx, Job{
		Input: path, Within: t.limits.probe, Output: "-",
		OutputOptions: []string{"-map", fmt.Sprintf("0:v:%d", m.VideoStream), "-c", "copy", "-f", "null"},
		Progress:      func(position time.Duration) { duration = position },
	})
	return duration, err
}

func parseProbe(data []byte, kind string, groups bool) (media Media, tiles bool, err error) {
	var out probeOutput
	if err := json.Unmarshal(data, &out); err != nil {
		return Media{}, false, fault.New(fault.Internal, "ffprobe: parse its output: %w", err)
	}
	media = Media{Container: out.Format.Name, Duration: seconds(out.Format.Duration)}
	if kind != "" {
		media.Container = heif
	}
	if taken, err := time.Parse(time.RFC3339Nano, out.Format.Tags.Taken); err == nil {
		media.Taken = taken.UTC()
	}
	pictures, videos, sounds := 0, 0, 0
	var best probeStream
	for _, s := range out.Streams {
		switch s.Type {
		case "audio":
			// The first accepted one: telephones add a second stream in a codec of their own.
			if media.AudioCodec == "" || decoders[media.AudioCodec] == nil && decoders[s.Codec] != nil {
				media.AudioCodec, media.AudioStream = s.codec(), sounds
			}
			sounds++
		case "video":
			if s.Disposition.AttachedPicture == 0 {
				if pictures == 0 || s.over(best) {
					best, media.VideoStream = s, videos
				}
				pictures++
			}
			videos++
		}
	}
	if pictures > 0 {
		media.describe(best)
	}
	if media.Codec != "" && decoders[media.Codec] == nil {
		what := "video"
		if media.Still() {
			what = "picture"
		}
		return Media{}, false, refused(what, media.Codec)
	}
	if media.Codec == "" {
		return Media{}, false, fault.New(fault.InvalidInput, "the file has no picture and no video")
	}
	if media.Width <= 0 || media.Height <= 0 {
		return Media{}, false, rejected("")
	}
	if media.Still() && pictures > 1 && best.Disposition.Default == 0 {
		// A telephone's HEIC is a grid of tiles, and each tile is a stream to ffmpeg.
		media.Tiles = out.tiles()
		if media.Tiles == nil && groups {
			return Media{}, false, fault.New(fault.InvalidInput, "the picture is stored as %d tiles, which this service cannot join; convert it to JPEG", pictures)
		}
		if media.Tiles == nil {
			return media, true, nil
		}
		media.Width, media.Height = media.Tiles.width, media.Tiles.height
	}
	if media.Photo() {
		media.Duration, media.FrameRate = 0, 0 // ffprobe gives a picture the duration of one frame
	}
	if media.Rotation%180 == 90 {
		media.Width, media.Height = media.Height, media.Width
	}
	return media, false, nil
}

// over tells whether a player shows s rather than t: cameras add small tracks for
// themselves, which are not the default one.
func (s probeStream) over(t probeStream) bool {
	if s.Disposition.Default != t.Disposition.Default {
		return s.Disposition.Default > t.Disposition.Default
	}
	return s.Width*s.Height > t.Width*t.Height
}

// describe fills in the properties of the video stream.
func (m *Media) describe(s probeStream) {
	m.Codec, m.PixelFormat, m.profile = s.codec(), s.PixelFormat, s.Profile
	m.Width, m.Height = s.Width, s.Height
	if aspect := ratio(strings.Replace(s.PixelAspect, ":", "/", 1)); aspect > 0 && aspect != 1 {
		m.Squeezed = true
		m.Width = max(1, int(float64(s.Width)*aspect))
	}
	m.color = color{matrix: s.Matrix, primaries: s.Primaries, reach: s.Range}
	m.HDR = s.Transfer == "arib-std-b67" || s.Transfer == "smpte2084"
	m.Interlaced = fields[s.FieldOrder]
	m.FrameRate = ratio(s.FrameRate)
	m.Rotation = s.rotation()
	if m.Duration == 0 {
		m.Duration = seconds(s.Duration)
	}
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
