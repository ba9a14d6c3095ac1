// Package still makes an upright JPEG of a photo, or of a typical frame of a video.
package still

import (
	"context"
	"fmt"
	"image/jpeg"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"lambdas.internal/shared/exif"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
)

const (
	// ThumbnailSide is the longest side of a thumbnail in pixels.
	ThumbnailSide = 400
	// quality is ffmpeg's JPEG scale, 2 (best) to 31; 3 is about 90 of 100.
	quality = "3"
	// scanned is how much of a video is searched for a frame; sampled is how many frames
	// of that part are compared.
	scanned = 30 * time.Second
	sampled = 60
	// dark is the mean luma (0 is black and 255 white, JFIF 1.02) up to which a frame counts
	// as black.
	dark = 19
	// within is the longest time that a still may take: to decode the frames of scanned on a
	// slow machine.
	within = 2 * time.Minute
)

// Picture describes a still that was made.
type Picture struct {
	// Width and Height in pixels.
	Width, Height int
	// Duration of the video; 0 for a photo.
	Duration time.Duration
}

// Maker makes stills of local files.
type Maker struct {
	tools *ffmpeg.Tools
	fit   string
}

// New returns a Maker whose stills have a longest side of at most side pixels.
func New(tools *ffmpeg.Tools, side int) *Maker {
	return &Maker{tools: tools, fit: fmt.Sprintf(fit, side)}
}

// Make writes a JPEG of the photo or video at in to out: upright, with square pixels and
// white where the original is transparent. Its longest side is at most the Maker's, and
// it is never larger than the original. For a video, Make uses the most typical frame of
// the first 30 seconds that is not black, if there is one. If the input is not a picture
// or video, the error is a fault.InvalidInput.
func (m *Maker) Make(ctx context.Context, in, out string) (Picture, error) {
	media, err := m.tools.Probe(ctx, in)
	if err != nil {
		return Picture{}, err
	}
	if err := m.tools.CheckSize(media); err != nil {
		return Picture{}, err
	}
	if media.Still() {
		err = m.photo(ctx, media, in, out)
	} else {
		err = m.frame(ctx, media, in, out)
	}
	if err != nil {
		return Picture{}, err
	}
	width, height, err := size(out)
	if err != nil {
		return Picture{}, fault.New(fault.InvalidInput, "no picture could be decoded: %w", err)
	}
	return Picture{Width: width, Height: height, Duration: media.Duration}, nil
}

func (m *Maker) photo(ctx context.Context, media ffmpeg.Media, in, out string) error {
	job := ffmpeg.Job{Input: in, Output: out, Within: within}
	filters := m.prepared(media)
	if media.Photo() {
		// Some versions of ffmpeg apply the EXIF orientation and some do not, so this does.
		orientation, err := readOrientation(in, media.Codec)
		if err != nil {
			return err
		}
		job.InputOptions = []string{"-noautorotate"}
		filters = append(filters, turns[orientation]...)
	}
	job.OutputOptions = output(media, filters)
	return m.tools.Run(ctx, job)
}

func (m *Maker) frame(ctx context.Context, media ffmpeg.Media, in, out string) error {
	span := min(media.Duration, scanned)
	rate := strconv.FormatFloat(sampled/max(span.Seconds(), 1), 'f', 3, 64)
	light := fmt.Sprintf("signalstats,metadata=mode=select:key=lavfi.signalstats.YAVG:value=%d:function=greater", dark)
	representative := fmt.Sprintf("thumbnail=n=%d", sampled)
	job := ffmpeg.Job{
		Input: in, InputOptions: []string{"-t", strconv.FormatFloat(span.Seconds(), 'f', 3, 64)}, Output: out, Within: within,
		OutputOptions: output(media, slices.Concat(media.Deinterlaced(), []string{"fps=" + rate}, m.prepared(media), []string{light, representative})),
	}
	if err := m.tools.Run(ctx, job); err != nil {
		return err
	}
	if _, _, err := size(out); err == nil {
		return nil
	}
	// Every frame is dark, or the clip is shorter than one sample: accept any frame.
	job.OutputOptions = output(media, slices.Concat(media.Deinterlaced(), m.prepared(media), []string{representative}))
	return m.tools.Run(ctx, job)
}

// prepared returns the filters that give a picture the size and the colours of the still.
func (m *Maker) prepared(media ffmpeg.Media) []string {
	filters := []string{m.fit}
	if transparent(media.PixelFormat) {
		filters = append(filters, onWhite)
	}
	return append(filters, media.ForPicture()...)
}

// fit makes pixels square and scales the longest side down to the given one.
const fit = "scale=w='max(1,trunc(iw*sar))':h=ih,setsar=1,scale=w='min(%[1]d,iw)':h='min(%[1]d,ih)':force_original_aspect_ratio=decrease"

// onWhite makes the transparent parts of a picture white. The format is one with
// transparency: for a palette, ffmpeg would choose one without.
const onWhite = "format=rgba|bgra|yuva420p|yuva422p|yuva444p|gbrap|rgba64be,split[fg][bg];[bg]drawbox=color=white:thickness=fill:replace=1[white];[white][fg]overlay=format=auto"

// turns are the ffmpeg filters that turn a picture of each EXIF orientation upright.
var turns = map[exif.Orientation][]string{
	2: {"hflip"},
	3: {"hflip", "vflip"},
	4: {"vflip"},
	5: {"transpose=cclock_flip"},
	6: {"transpose=clock"},
	7: {"transpose=clock_flip"},
	8: {"transpose=cclock"},
}

func output(media ffmpeg.Media, filters []string) []string {
	return []string{
		"-map", fmt.Sprintf("0:v:%d", media.VideoStream), "-vf", strings.Join(filters, ","), "-frames:v", "1", "-map_metadata", "-1",
		"-c:v", "mjpeg", "-q:v", quality, "-pix_fmt", "yuvj420p", "-f", "mjpeg",
	}
}

func readOrientation(path, codec string) (exif.Orientation, error) {
	format := codec
	if codec == "mjpeg" {
		format = "jpeg"
	}
	f, err := os.Open(path)
	if err != nil {
		return 0, fault.New(fault.Internal, "read orientation: %w", err)
	}
	defer func() { _ = f.Close() }()
	return exif.Read(f, format).Orientation, nil
}

// transparent tells whether a pixel format may have an alpha channel (names from
// libavutil/pixdesc.c).
func transparent(pixelFormat string) bool {
	for _, part := range []string{"rgba", "bgra", "argb", "abgr", "yuva", "gbrap", "ya8", "ya16", "pal8"} {
		if strings.HasPrefix(pixelFormat, part) {
			return true
		}
	}
	return false
}

// size reads the pixel size of a JPEG that ffmpeg wrote. A run that found no frame
// leaves an empty file or none.
func size(path string) (width, height int, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { _ = f.Close() }()
	config, err := jpeg.DecodeConfig(f)
	return config.Width, config.Height, err
}
