package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"lambdas.internal/shared/deadline"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/logging"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/processor"
	"lambdas.internal/shared/scratch"
	"lambdas.internal/shared/still"
	"lambdas.internal/shared/storage"
)

// wholeLimit in bytes is how large an original may be to be written to /tmp: every photo is
// smaller. Of a larger clip, only the parts that are needed are read.
const wholeLimit = 64 << 20

// Result describes a thumbnail and its original.
type Result struct {
	ThumbnailKey string `json:"thumbnailKey"`
	OriginalKey  string `json:"originalKey"`
	// Width and Height of the thumbnail in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// DurationMs is the duration of the video; 0 for a photo.
	DurationMs int64 `json:"durationMs"`
}

// NotificationResult answers an S3 event notification.
type NotificationResult struct {
	Thumbnails []Result `json:"thumbnails"`
}

// objects is the part of storage that the handler needs.
type objects interface {
	Fetch(ctx context.Context, bucket, key, path string, limit int64) (*storage.Local, error)
	Upload(ctx context.Context, bucket, key, path, contentType string) error
}

type handler struct {
	bucket  string
	objects objects
	jobs    *jobs.Store
	maker   *still.Maker
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
	h := &handler{bucket: b.Bucket, objects: b.Objects, jobs: b.Jobs, maker: still.New(tools, still.ThumbnailSide)}
	return h.Handle, nil
}

// Handle answers a Request with a Result, and an S3 event notification with a
// NotificationResult. It processes every object of a notification before it returns the
// error of one.
func (h *handler) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	batch, err := ParseEvent(payload)
	if err != nil {
		return nil, err
	}
	if !batch.Notification && batch.Requests[0].JobID != "" {
		request := batch.Requests[0]
		item := h.jobs.Track(request.SessionID, request.JobID, request.ItemIndex)
		return jobs.Run(ctx, item, func(ctx context.Context) (Result, error) { return h.thumbnail(ctx, request) })
	}
	ctx, cancel := deadline.WithReserve(ctx)
	defer cancel()
	if !batch.Notification {
		return h.thumbnail(ctx, batch.Requests[0])
	}
	return h.all(ctx, batch.Requests)
}

func (h *handler) all(ctx context.Context, requests []Request) (any, error) {
	results := []Result{}
	var failures []error
	for _, request := range requests {
		result, err := h.thumbnail(ctx, request)
		if err != nil {
			failures = append(failures, err)
			continue
		}
		results = append(results, result)
	}
	if err := join(failures); err != nil {
		return nil, err
	}
	return NotificationResult{Thumbnails: results}, nil
}

func (h *handler) thumbnail(ctx context.Context, request Request) (Result, error) {
	ctx = logging.With(ctx, logging.Session(request.SessionID), slog.String("key", request.Key))
	bucket := request.Bucket
	if bucket == "" {
		bucket = h.bucket
	}
	dir, remove, err := scratch.New(ctx, "thumbnail")
	if err != nil {
		return Result{}, err
	}
	defer remove()
	in, out := filepath.Join(dir, "original"), filepath.Join(dir, "thumbnail.jpg")
	original, err := h.objects.Fetch(ctx, bucket, request.Key, in, wholeLimit)
	if err != nil {
		return Result{}, fmt.Errorf("thumbnail of %s: %w", request.Key, err)
	}
	picture, err := h.maker.Make(ctx, original.Address, out)
	if err := cmp.Or(original.Close(), err); err != nil {
		return Result{}, fmt.Errorf("thumbnail of %s: %w", request.Key, err)
	}
	key := mediakey.Thumbnail(request.SessionID, request.Key)
	if err := h.objects.Upload(ctx, bucket, key, out, "image/jpeg"); err != nil {
		return Result{}, fmt.Errorf("thumbnail of %s: %w", request.Key, err)
	}
	slog.InfoContext(ctx, "thumbnail stored", "thumbnailKey", key, "width", picture.Width, "height", picture.Height)
	return Result{
		ThumbnailKey: key, OriginalKey: request.Key,
		Width: picture.Width, Height: picture.Height, DurationMs: picture.Duration.Milliseconds(),
	}, nil
}

// join makes one error of several. If a retry can help with one of them, the new error
// has its kind, because Lambda retries a failed notification as a whole.
func join(failures []error) error {
	if len(failures) == 0 {
		return nil
	}
	kind := fault.KindOf(failures[0])
	for _, err := range failures {
		if fault.Retryable(err) {
			kind = fault.KindOf(err)
		}
	}
	return fault.New(kind, "%w", errors.Join(failures...))
}
