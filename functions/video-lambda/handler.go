package main

import (
	"cmp"
	"context"
	"encoding/json"
	"path"
	"path/filepath"

	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/processor"
	"lambdas.internal/shared/scratch"
	"lambdas.internal/shared/still"
	"lambdas.internal/shared/storage"
)

// wholeLimit in bytes is how large an original may be to be written to /tmp, which has 512
// MB by default and must hold the result too, of up to 480 MB (Lambda developer guide,
// "Lambda quotas"). A larger original is read from S3 in parts.
const wholeLimit = 24 << 20

// Result describes the new clip.
type Result struct {
	VideoKey    string `json:"videoKey"`
	PosterKey   string `json:"posterKey"`
	OriginalKey string `json:"originalKey"`
	// Width and Height of the clip in pixels.
	Width      int   `json:"width"`
	Height     int   `json:"height"`
	DurationMs int64 `json:"durationMs"`
}

// objects is the part of storage that the handler needs.
type objects interface {
	Fetch(ctx context.Context, bucket, key, path string, limit int64) (*storage.Local, error)
	Upload(ctx context.Context, bucket, key, path, contentType string) error
}

type handler struct {
	bucket     string
	objects    objects
	jobs       *jobs.Store
	transcoder *Transcoder
	posters    *still.Maker
}

// Build makes the handler from the environment: that of processor.New, and ffmpeg and
// ffprobe.
func Build(context.Context) (lambdaboot.Handler, error) {
	tools, err := ffmpeg.New()
	if err != nil {
		return nil, err
	}
	b, err := processor.New()
	if err != nil {
		return nil, err
	}
	h := &handler{bucket: b.Bucket, objects: b.Objects, jobs: b.Jobs, transcoder: NewTranscoder(tools), posters: still.New(tools, posterSide)}
	return h.Handle, nil
}

// posterSide is the longest side of the largest preset: a poster is as large as its clip.
const posterSide = 1920

// Handle answers a Request with a Result and records it in the job.
func (h *handler) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var request Request
	return processor.Answer(ctx, h.jobs, payload, &request, func(ctx context.Context, progress processor.Progress) (Result, error) {
		return h.clip(ctx, request, progress)
	})
}

func (h *handler) clip(ctx context.Context, request Request, progress processor.Progress) (Result, error) {
	dir, remove, err := scratch.New(ctx, "video")
	if err != nil {
		return Result{}, err
	}
	defer remove()
	in, clip, poster := filepath.Join(dir, "original"), filepath.Join(dir, "clip.mp4"), filepath.Join(dir, "poster.jpg")
	original, err := h.objects.Fetch(ctx, h.bucket, request.Key, in, wholeLimit)
	if err != nil {
		return Result{}, err
	}
	media, err := h.transcoder.Transcode(ctx, original.Address, clip, request.Preset, func(part float64) {
		progress(ctx, part)
	})
	if err := cmp.Or(original.Close(), err); err != nil {
		return Result{}, err
	}
	if _, err := h.posters.Make(ctx, clip, poster); err != nil {
		return Result{}, err
	}
	base := path.Join(request.SessionID, mediakey.Enhanced, mediakey.Base(request.Key))
	result := Result{
		VideoKey: base + ".mp4", PosterKey: base + "-poster.jpg", OriginalKey: request.Key,
		Width: media.Width, Height: media.Height, DurationMs: media.Duration.Milliseconds(),
	}
	if err := h.objects.Upload(ctx, h.bucket, result.VideoKey, clip, "video/mp4"); err != nil {
		return Result{}, err
	}
	if err := h.objects.Upload(ctx, h.bucket, result.PosterKey, poster, "image/jpeg"); err != nil {
		return Result{}, err
	}
	return result, nil
}
