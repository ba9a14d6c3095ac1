package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/preset"
)

// frameRateLimit is how many frames a second the feeds accept.
const frameRateLimit = 60

// within is the longest time that a clip may take. A function has at most 15 minutes
// (Lambda developer guide, "Lambda quotas"), and it needs some for the steps before and
// after.
const within = 12 * time.Minute

const (
	// loudness in LUFS to which YouTube and Instagram set a sound as well, and peak, the
	// largest value, which is -1.5 dB (EBU R 128).
	loudness = -14.0
	peak     = 0.84
	// gainLimit in dB keeps the noise of a quiet room from becoming a loud hiss.
	gainLimit = 20.0
	// shortSound is too short to be measured well: a Live Photo, a tap.
	shortSound = 3 * time.Second
	// measuredWithin is the longest time that the measurement may take; it decodes the sound.
	measuredWithin = 90 * time.Second
)

// Transcoder makes feed-ready MP4 files.
type Transcoder struct{ tools *ffmpeg.Tools }

// NewTranscoder returns a Transcoder that uses the given tools.
func NewTranscoder(tools *ffmpeg.Tools) *Transcoder { return &Transcoder{tools: tools} }

// Transcode writes the video at in to out as H.264 and AAC in MP4, and returns the
// properties of the result. If name is empty, it uses the nearest one. It calls progress
// with the part done, from 0 to 1. If the input is not a video, the error is a
// fault.InvalidInput.
func (t *Transcoder) Transcode(ctx context.Context, in, out, name string, progress func(part float64)) (ffmpeg.Media, error) {
	media, err := t.tools.Probe(ctx, in)
	if err != nil {
		return ffmpeg.Media{}, err
	}
	if media.Still() {
		return ffmpeg.Media{}, fault.New(fault.InvalidInput, "the file is a picture (%s), not a video", media.Codec)
	}
	if err := t.tools.CheckSize(media); err != nil {
		return ffmpeg.Media{}, err
	}
	if err := media.CheckSound(); err != nil {
		return ffmpeg.Media{}, err
	}
	chosen := preset.Nearest(media.Width, media.Height)
	if name != "" {
		if chosen, err = preset.Find(name); err != nil {
			return ffmpeg.Media{}, err
		}
	}
	gain, err := t.gain(ctx, in, media)
	if err != nil {
		return ffmpeg.Media{}, err
	}
	err = t.tools.Run(ctx, ffmpeg.Job{
		Input: in, Output: out, OutputOptions: options(media, chosen, gain), Within: within,
		Progress: func(position time.Duration) {
			progress(min(1, position.Seconds()/media.Duration.Seconds()))
		},
	})
	if err != nil {
		return ffmpeg.Media{}, err
	}
	progress(1) // the last position that ffmpeg reports is a few frames before the end
	return t.tools.Probe(ctx, out)
}

// gain returns by how many dB the sound is made louder, or quieter if it is negative. A
// short or silent sound stays as it is.
func (t *Transcoder) gain(ctx context.Context, in string, media ffmpeg.Media) (float64, error) {
	if media.AudioCodec == "" || media.Duration < shortSound {
		return 0, nil
	}
	measured, err := t.tools.Loudness(ctx, in, media, measuredWithin)
	if err != nil || measured <= ffmpeg.Silence {
		return 0, err
	}
	return min(loudness-measured, gainLimit), nil
}

// options returns ffmpeg's output options. They do not turn the picture: ffmpeg turns it
// upright before the filters.
func options(media ffmpeg.Media, p preset.Preset, gain float64) []string {
	frame := p.Fit(media.Width, media.Height)
	filters := []string{
		fmt.Sprintf("crop=%d:%d", frame.CropWidth, frame.CropHeight),
		fmt.Sprintf("scale=%d:%d:flags=lanczos", frame.Width, frame.Height),
		"setsar=1",
	}
	filters = slices.Concat(media.Deinterlaced(), media.Squared(), filters)
	filters = append(filters, media.ForVideo()...)
	if media.FrameRate > frameRateLimit {
		filters = append(filters, fmt.Sprintf("fps=%d", frameRateLimit))
	}
	args := []string{
		"-map", fmt.Sprintf("0:v:%d", media.VideoStream), "-map_metadata", "-1", "-map_chapters", "-1",
		"-vf", strings.Join(filters, ","),
		"-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-maxrate", "8M", "-bufsize", "16M",
		"-profile:v", "high", "-pix_fmt", "yuv420p",
		"-color_range", "tv", "-colorspace", "bt709", "-color_primaries", "bt709", "-color_trc", "bt709",
	}
	if media.AudioCodec != "" {
		sound := fmt.Sprintf("aresample=48000,aformat=channel_layouts=stereo,volume=%.2fdB,alimiter=limit=%g:level=0", gain, peak)
		args = append(args, "-map", fmt.Sprintf("0:a:%d", media.AudioStream), "-af", sound, "-c:a", "aac", "-b:a", "128k")
	}
	return append(args, "-movflags", "+faststart", "-f", "mp4")
}
