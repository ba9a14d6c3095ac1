package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
)

// frameRateLimit is the most frames a second that the feeds take.
const frameRateLimit = 60

// within is the longest that a clip may take; a function has 15 minutes at most (Lambda
// developer guide, "Lambda quotas"), and some of it is for what comes before and after.
const within = 13 * time.Minute

// loudness is the target of the feeds' players: -14 LUFS, peaks at most -1.5 dB
// (EBU R 128 terms; YouTube and Instagram both normalise to about that). loudnorm
// works at 192 kHz, hence the resampling.
const loudness = "loudnorm=I=-14:TP=-1.5:LRA=11,aresample=48000"

// Transcoder makes feed-ready MP4 files.
type Transcoder struct{ tools *ffmpeg.Tools }

// NewTranscoder returns a Transcoder that works with the given tools.
func NewTranscoder(tools *ffmpeg.Tools) *Transcoder { return &Transcoder{tools: tools} }

// Transcode writes the video at in to out as H.264 and AAC in MP4 and returns what
// it made. An empty preset means the nearest one. Progress is called with the part
// done, from 0 to 1. Input that is no video is a fault.InvalidInput.
func (t *Transcoder) Transcode(ctx context.Context, in, out, preset string, progress func(part float64)) (ffmpeg.Media, error) {
	media, err := t.tools.Probe(ctx, in)
	if err != nil {
		return ffmpeg.Media{}, err
	}
	if media.Still() {
		return ffmpeg.Media{}, fault.New(fault.InvalidInput, "a picture (%s) and no video", media.Codec)
	}
	if err := t.tools.CheckSize(media); err != nil {
		return ffmpeg.Media{}, err
	}
	if err := media.CheckSound(); err != nil {
		return ffmpeg.Media{}, err
	}
	chosen := NearestPreset(media.Width, media.Height)
	if preset != "" {
		if chosen, err = FindPreset(preset); err != nil {
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
	progress(1) // ffmpeg's own last word is the time of the last frame but a few
	return t.tools.Probe(ctx, out)
}

// options are ffmpeg's output options. ffmpeg turns the picture upright itself
// before the filters.
func options(media ffmpeg.Media, preset Preset) []string {
	frame := preset.Fit(media.Width, media.Height)
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
