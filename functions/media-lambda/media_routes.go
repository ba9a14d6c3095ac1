package main

import (
	"crypto/rand"
	"maps"
	"net/http"
	"path"
	"slices"
	"strings"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/presign"
	"lambdas.internal/shared/settings"
)

// mediaType is a kind of file that may be uploaded.
type mediaType struct {
	extension string
	// limit in bytes.
	limit int64
}

// Limits in bytes. A photo of a telephone has up to 20 MB. Of a clip, the processors read
// parts; a single upload has at most 5 GB (Amazon S3 user guide, "Uploading objects").
const (
	photoLimit = 50 << 20
	clipLimit  = 4 << 30
)

// mediaTypes are the content types that the processors read.
var mediaTypes = map[string]mediaType{
	"image/jpeg":      {".jpg", photoLimit},
	"image/png":       {".png", photoLimit},
	"image/webp":      {".webp", photoLimit},
	"image/heic":      {".heic", photoLimit},
	"video/mp4":       {".mp4", clipLimit},
	"video/quicktime": {".mov", clipLimit},
	"video/webm":      {".webm", clipLimit},
}

// refusedTypes names the variable with the types, separated by commas, that the processors'
// ffmpeg cannot read: image/heic before version 7.1.
const refusedTypes = "MEDIA_REFUSED_TYPES"

// filesLimit is how many files one request may have.
const filesLimit = 100

type uploadRequest struct {
	Files []struct {
		Name        string `json:"name"`
		ContentType string `json:"contentType"`
		// Size in bytes, exactly.
		Size int64 `json:"size"`
	} `json:"files"`
}

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
		kind, ok := mediaTypes[file.ContentType]
		if !ok {
			return 0, nil, fault.New(fault.InvalidInput, "files[%d].contentType: %q is not accepted; want one of %s",
				i, file.ContentType, strings.Join(slices.Sorted(maps.Keys(mediaTypes)), ", "))
		}
		if slices.Contains(strings.Split(settings.Optional(refusedTypes, ""), ","), file.ContentType) {
			return 0, nil, fault.New(fault.InvalidInput, "files[%d].contentType: %s cannot be read by the ffmpeg of this installation; convert the file to JPEG or MP4", i, file.ContentType)
		}
		if file.Size <= 0 || file.Size > kind.limit {
			return 0, nil, fault.New(fault.InvalidInput, "files[%d].size: %d bytes; want 1 to %d", i, file.Size, kind.limit)
		}
		key := path.Join(sessionOf(r).ID, mediakey.Originals, objectName(file.Name)+kind.extension)
		signed, err := b.signer.Upload(r.Context(), key, file.ContentType, file.Size)
		if err != nil {
			return 0, nil, err
		}
		uploads[i] = upload{Key: key, Request: signed}
	}
	return http.StatusCreated, map[string][]upload{"uploads": uploads}, nil
}

// objectName makes a unique name that resembles the user's. It must be unique without the
// extension, because two files that differ only in that, for instance those of a Live
// Photo, would share a thumbnail.
func objectName(name string) string {
	const random, longest = 8, 48
	clean := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_':
			return r
		}
		return '-'
	}, mediakey.Base(name))
	clean = strings.Trim(clean[:min(len(clean), longest)], "-")
	return strings.TrimSuffix(strings.ToLower(rand.Text()[:random])+"-"+clean, "-")
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
	signed, err := b.signer.Download(r.Context(), key)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, signed, nil
}
