package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"path"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/gemini"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/picture"
	"lambdas.internal/shared/processor"
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

// Build makes the handler from the environment: that of processor.New, GEMINI_API_KEY or
// SSM_API_KEY_PARAM, and GEMINI_MODEL.
func Build(ctx context.Context) (lambdaboot.Handler, error) {
	b, err := processor.New()
	if err != nil {
		return nil, err
	}
	client, err := gemini.FromEnvironment(ctx, gemini.DefaultImageModel)
	if err != nil {
		return nil, err
	}
	h := &handler{bucket: b.Bucket, objects: b.Objects, jobs: b.Jobs, editor: client}
	return h.Handle, nil
}

// Handle answers a Request with a Result and records it in the job.
func (h *handler) Handle(ctx context.Context, payload json.RawMessage) (any, error) {
	var request Request
	return processor.Answer(ctx, h.jobs, payload, &request, func(ctx context.Context, _ processor.Progress) (Result, error) {
		return h.enhance(ctx, request)
	})
}

func (h *handler) enhance(ctx context.Context, request Request) (Result, error) {
	bucket := cmp.Or(request.Bucket, h.bucket)
	original, err := h.objects.Get(ctx, bucket, request.Key, inputLimit)
	if err != nil {
		return Result{}, err
	}
	mimeType := picture.MIMEType(original)
	if !accepted[mimeType] {
		return Result{}, fault.New(fault.InvalidInput, "the object is %s; want a JPEG, PNG, WebP or HEIC picture", mimeType)
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
	if err := h.objects.Put(ctx, bucket, result.EnhancedKey, edited.Image.Data, edited.Image.MIMEType); err != nil {
		return Result{}, err
	}
	if err := h.objects.Put(ctx, bucket, result.ThumbnailKey, thumbnail.Bytes(), "image/jpeg"); err != nil {
		return Result{}, err
	}
	return result, nil
}

// accepted are the formats that both Gemini and the thumbnail maker read
// (ai.google.dev/gemini-api/docs/image-understanding).
var accepted = map[string]bool{"image/jpeg": true, "image/png": true, "image/webp": true, "image/heic": true}

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
