package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"path"

	"lambdas.internal/shared/apikey"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/gemini"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/logging"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/picture"
	"lambdas.internal/shared/settings"
	"lambdas.internal/shared/storage"
	"lambdas.internal/shared/table"
)

const (
	// inputLimit in bytes: a request to Gemini has at most 20 MB, and the picture in it is
	// encoded as base64 (ai.google.dev/gemini-api/docs/image-understanding).
	inputLimit = 14 << 20
	// thumbnailSide is the longest side in pixels, the same as in thumbnail-lambda.
	thumbnailSide = 400
)

// Result describes the edited photo.
type Result struct {
	EnhancedKey  string `json:"enhancedKey"`
	ThumbnailKey string `json:"thumbnailKey"`
	OriginalKey  string `json:"originalKey"`
	// Width and Height of the edited photo in pixels.
	Width  int `json:"width"`
	Height int `json:"height"`
	// Remark is what the model said about its edit.
	Remark string `json:"remark,omitempty"`
}

// objects is the part of storage that the handler needs.
type objects interface {
	Get(ctx context.Context, bucket, key string, limit int64) ([]byte, error)
	Put(ctx context.Context, bucket, key string, data []byte, contentType string) error
}

// editor is the part of gemini that the handler needs.
type editor interface {
	Edit(ctx context.Context, model, instruction string, img gemini.Image) (gemini.Edited, error)
}

type handler struct {
	bucket  string
	objects objects
	jobs    *jobs.Store
	editor  editor
}

// Build makes the handler from the environment: MEDIA_BUCKET_NAME,
// DYNAMO_TABLE_NAME, the AWS variables, GEMINI_API_KEY or SSM_API_KEY_PARAM, and
// GEMINI_MODEL.
func Build(ctx context.Context) (lambdaboot.Handler, error) {
	bucket, err := settings.Required(settings.MediaBucket)
	if err != nil {
		return nil, err
	}
	store, err := storage.New()
	if err != nil {
		return nil, err
	}
	key, err := apikey.Find(ctx)
	if err != nil {
		return nil, err
	}
	client, err := gemini.New(ctx, key, gemini.DefaultImageModel, gemini.DefaultRetries)
	if err != nil {
		return nil, err
	}
	records, err := table.New()
	if err != nil {
		return nil, err
	}
	h := &handler{bucket: bucket, objects: store, jobs: jobs.New(records), editor: client}
	return h.Handle, nil
}

// Handle answers a Request with a Result and records it in the job.
func (h *handler) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	request, err := ParseEvent(payload)
	if err != nil {
		return nil, err
	}
	if request.Bucket == "" {
		request.Bucket = h.bucket
	}
	ctx = logging.With(ctx, logging.Session(request.SessionID), slog.String("jobId", request.JobID))
	item := h.jobs.Track(request.SessionID, request.JobID, request.ItemIndex)
	result, err := jobs.Run(ctx, item, func(ctx context.Context) (Result, error) { return h.enhance(ctx, request) })
	if err != nil {
		return nil, fmt.Errorf("enhance %s: %w", request.Key, err)
	}
	return result, nil
}

func (h *handler) enhance(ctx context.Context, request Request) (Result, error) {
	original, err := h.objects.Get(ctx, request.Bucket, request.Key, inputLimit)
	if err != nil {
		return Result{}, err
	}
	mimeType := http.DetectContentType(original)
	if !accepted[mimeType] {
		return Result{}, fault.New(fault.InvalidInput, "the object is %s; want a JPEG, PNG or WebP picture", mimeType)
	}
	edited, err := h.editor.Edit(ctx, "", request.Instruction, gemini.Image{Data: original, MIMEType: mimeType})
	if err != nil {
		return Result{}, err
	}
	img, err := picture.Decode(edited.Image.Data)
	if err != nil {
		return Result{}, fault.New(fault.Transient, "read the picture that the model made: %w", err)
	}
	var thumbnail bytes.Buffer
	if err := picture.EncodeJPEG(&thumbnail, picture.Fit(img, thumbnailSide)); err != nil {
		return Result{}, err
	}
	name := mediakey.Base(request.Key)
	result := Result{
		EnhancedKey:  path.Join(request.SessionID, mediakey.Enhanced, name+extension(edited.Image.MIMEType)),
		ThumbnailKey: mediakey.Thumbnail(request.SessionID, name+"-enhanced.jpg"),
		OriginalKey:  request.Key,
		Width:        img.Bounds().Dx(), Height: img.Bounds().Dy(), Remark: edited.Text,
	}
	if err := h.objects.Put(ctx, request.Bucket, result.EnhancedKey, edited.Image.Data, edited.Image.MIMEType); err != nil {
		return Result{}, err
	}
	if err := h.objects.Put(ctx, request.Bucket, result.ThumbnailKey, thumbnail.Bytes(), "image/jpeg"); err != nil {
		return Result{}, err
	}
	return result, nil
}

// accepted are the formats that both Gemini and the thumbnail maker read.
var accepted = map[string]bool{"image/jpeg": true, "image/png": true, "image/webp": true}

func extension(mimeType string) string {
	switch mimeType {
	case "image/png":
		return ".png"
	case "image/webp":
		return ".webp"
	default:
		return ".jpg"
	}
}
