package main

import (
	"net/http"
	"path"
	"slices"
	"strings"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/presign"
	"lambdas.internal/shared/settings"
)

// filesLimit is how many files one request may have.
const filesLimit = 100

type uploadRequest struct {
	Files []uploadFile `json:"files" jsonschema:"minItems=1,maxItems=100"`
}

type uploadFile struct {
	// Name may be in any script. Its extension counts if ContentType says nothing.
	Name string `json:"name"`
	// ContentType in any of its usual spellings, with or without parameters.
	ContentType string `json:"contentType"`
	// Size in bytes, exactly: at most 50 MiB for a photo, and 4 GiB for a clip.
	Size int64 `json:"size" jsonschema:"minimum=1,maximum=4294967296"`
}

// uploadAnswer has the uploads in the order of the files of the request.
type uploadAnswer struct {
	Uploads []upload `json:"uploads"`
}

// upload is what to send to upload one file, and the key that it then has.
type upload struct {
	Key string `json:"key"`
	presign.Request
}

func createUploads(b *backend, r *http.Request) (int, any, error) {
	var request uploadRequest
	if err := decode(r, &request); err != nil {
		return 0, nil, err
	}
	if len(request.Files) == 0 || len(request.Files) > filesLimit {
		return 0, nil, fault.New(fault.InvalidInput, "files: got %d; want 1 to %d", len(request.Files), filesLimit)
	}
	uploads := make([]upload, len(request.Files))
	for i, file := range request.Files {
		contentType, kind, err := mediaTypeOf(file.ContentType, file.Name)
		if err != nil {
			return 0, nil, fault.New(fault.InvalidInput, "files[%d].contentType: %w", i, err)
		}
		if slices.Contains(strings.Split(settings.Optional(refusedTypes, ""), ","), contentType) {
			return 0, nil, fault.New(fault.InvalidInput, "files[%d].contentType: %s cannot be read by the ffmpeg of this installation; convert the file to JPEG or MP4", i, contentType)
		}
		if file.Size <= 0 || file.Size > kind.limit {
			return 0, nil, fault.New(fault.InvalidInput, "files[%d].size: %d bytes; want 1 to %d", i, file.Size, kind.limit)
		}
		key := path.Join(sessionOf(r).ID, mediakey.Originals, objectName(file.Name)+kind.extension)
		signed, err := b.signer.Upload(r.Context(), key, contentType, file.Size)
		if err != nil {
			return 0, nil, err
		}
		uploads[i] = upload{Key: key, Request: signed}
	}
	return http.StatusCreated, uploadAnswer{uploads}, nil
}

func createDownload(b *backend, r *http.Request) (int, any, error) {
	key := r.URL.Query().Get("key")
	if err := mediakey.Check(sessionOf(r).ID, key); err != nil {
		return 0, nil, err
	}
	if _, err := b.objects.Stat(r.Context(), b.bucket, key); err != nil {
		if fault.KindOf(err) == fault.NotFound {
			return 0, nil, fault.New(fault.NotFound, "key %q: no such object", key)
		}
		return 0, nil, err
	}
	signed, err := b.signer.Download(r.Context(), key, fileName(key))
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, signed, nil
}
