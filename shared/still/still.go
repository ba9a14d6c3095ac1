// Package still makes an upright JPEG of a photo, or of a typical frame of a video.
package still

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
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
	// reserve is how many times the still's side a reduced original has at least: the still
	// shows nothing of the reduction.
	reserve = 2
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
	side  int
}

// New returns a Maker whose stills have a longest side of at most side pixels.
func New(tools *ffmpeg.Tools, side int) *Maker {
	return &Maker{tools: tools, side: side}
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
	reduced := media.Reduced(reserve * m.side)
	made, err := m.still(ctx, reduced, in, out)
	if reduced != media && fault.KindOf(err) == fault.InvalidInput && m.tools.CheckSize(media) == nil {
		return m.still(ctx, media, in, out)
	}
	return made, err
}

func (m *Maker) still(ctx context.Context, media ffmpeg.Media, in, out string) (Picture, error) {
	err := m.tools.CheckSize(media)
	if err != nil {
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
		return Picture{}, fault.New(fault.InvalidInput, "the file holds no picture that can be decoded; it is damaged or not complete")
	}
	return Picture{Width: width, Height: height, Duration: media.Duration}, nil
}

func (m *Maker) photo(ctx context.Context, media ffmpeg.Media, in, out string) error {
	job := ffmpeg.Job{Input: in, InputOptions: media.Reduction(), Output: out, Within: within}
	filters := m.prepared(media)
	if media.Photo() {
		// Some versions of ffmpeg apply the EXIF orientation and some do not, so this does.
		orientation, rgb, err := inspect(in, media)
		if err != nil {
			return err
		}
		if !rgb {
			filters = append(filters, ffmpeg.NoProfile)
		}
		job.InputOptions = append(job.InputOptions, "-noautorotate")
		filters = append(filters, turns[orientation]...)
	}
	job.OutputOptions = output(media, filters)
	if media.Tiles != nil {
		job.InputOptions = append(job.InputOptions, "-threads", "1") // there is a decoder for each tile
	}
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
	filters := []string{fmt.Sprintf(fit, m.side)}
	if media.PixelFormat == "pal8" {
		filters = slices.Insert(filters, 0, "format=rgba") // the colours of a palette have a transparency, which scaling may lose
	}
	if transparent(media.PixelFormat) {
		filters = append(filters, onWhite)
	}
	return append(filters, media.ForPicture()...)
}

// fit makes pixels square and scales the longest side down to the given one.
const fit = "scale=w='max(1,trunc(iw*sar))':h=ih,setsar=1,scale=w='min(%[1]d,iw)':h='min(%[1]d,ih)':force_original_aspect_ratio=decrease"

// onWhite makes the transparent parts of a picture white.
const onWhite = "split[fg][bg];[bg]drawbox=color=white:thickness=fill:replace=1[white];[white][fg]overlay=format=auto"

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
	chain := strings.Join(filters, ",")
	args := []string{"-map", fmt.Sprintf("0:v:%d", media.VideoStream), "-vf", chain}
	if media.Tiles != nil {
		args = []string{"-filter_complex", media.Tiles.Filter() + "," + chain + "[whole]", "-map", "[whole]"}
	}
	return append(args, "-frames:v", "1", "-map_metadata", "-1", "-c:v", "mjpeg", "-q:v", quality, "-pix_fmt", "yuvj420p", "-f", "mjpeg")
}

// profileLimit in bytes is how much of a photo is searched for a colour profile.
const profileLimit = 512 << 10

// inspect reads how the photo is turned, and whether its colour profile fits to the still,
// which is RGB as all JPEG files of ffmpeg are: the profile of a CMYK photo does not, and
// has half a megabyte (ICC.1:2022, 7.2.6 and annex B.4).
func inspect(path string, media ffmpeg.Media) (turned exif.Orientation, rgb bool, err error) {
	f, err := os.Open(path)
	if err != nil {
		return 0, false, fault.New(fault.Internal, "read orientation: %w", err)
	}
	defer func() { _ = f.Close() }()
	turned = exif.Read(f, strings.TrimSuffix(media.Container, "_pipe")).Orientation
	head := make([]byte, profileLimit)
	n, err := f.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, false, fault.New(fault.Internal, "read colour profile: %w", err)
	}
	const colors = 2 + 16 // after the numbers of this part and of all, in the profile's header
	_, profile, found := bytes.Cut(head[:n], []byte("ICC_PROFILE\x00"))
	return turned, !found || len(profile) > colors && bytes.HasPrefix(profile[colors:], []byte("RGB ")), nil
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
