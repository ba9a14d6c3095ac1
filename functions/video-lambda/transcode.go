package main

import (
	"context"
	"fmt"
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
const within = 13 * time.Minute

// loudness is the filter that sets the loudness to -14 LUFS, with peaks of at most
// -1.5 dB (EBU R 128): YouTube and Instagram both normalise to about that. It resamples,
// because loudnorm works at 192 kHz.
const loudness = "loudnorm=I=-14:TP=-1.5:LRA=11,aresample=48000"

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
	err = t.tools.Run(ctx, ffmpeg.Job{
		Input: in, Output: out, OutputOptions: options(media, chosen), Within: within,
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

// options returns ffmpeg's output options. They do not turn the picture: ffmpeg turns it
// upright before the filters.
func options(media ffmpeg.Media, p preset.Preset) []string {
	frame := p.Fit(media.Width, media.Height)
	filters := []string{
		fmt.Sprintf("crop=%d:%d", frame.CropWidth, frame.CropHeight),
		fmt.Sprintf("scale=%d:%d:flags=lanczos", frame.Width, frame.Height),
		"setsar=1",
	}
	filters = append(media.Squared(), filters...)
	filters = append(filters, media.ToneMap()...) // after scaling: it is slow
	if media.FrameRate > frameRateLimit {
		filters = append(filters, fmt.Sprintf("fps=%d", frameRateLimit))
	}
	args := []string{
		"-map", fmt.Sprintf("0:v:%d", media.VideoStream), "-map_metadata", "-1", "-map_chapters", "-1",
		"-vf", strings.Join(filters, ","),
		"-c:v", "libx264", "-preset", "veryfast", "-crf", "21", "-maxrate", "8M", "-bufsize", "16M",
		"-profile:v", "high", "-pix_fmt", "yuv420p",
	}
	if media.AudioCodec != "" {
		args = append(args, "-map", fmt.Sprintf("0:a:%d", media.AudioStream), "-af", loudness, "-c:a", "aac", "-b:a", "128k", "-ac", "2")
	}
	return append(args, "-movflags", "+faststart", "-f", "mp4")
}
