package main

import (
	"maps"
	"mime"
	"path"
	"slices"
	"strings"

	"lambdas.internal/shared/fault"
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

// refusedTypes names the variable with the types, separated by commas, that the processors'
// ffmpeg cannot read: image/heic before version 7.1.
const refusedTypes = "MEDIA_REFUSED_TYPES"

// mediaTypes are the content types that the processors read.
var mediaTypes = map[string]mediaType{
	"image/avif":      {".avif", photoLimit},
	"image/gif":       {".gif", photoLimit},
	"image/heic":      {".heic", photoLimit},
	"image/heif":      {".heif", photoLimit},
	"image/jpeg":      {".jpg", photoLimit},
	"image/png":       {".png", photoLimit},
	"image/webp":      {".webp", photoLimit},
	"video/3gpp":      {".3gp", clipLimit},
	"video/3gpp2":     {".3g2", clipLimit},
	"video/mp4":       {".mp4", clipLimit},
	"video/quicktime": {".mov", clipLimit},
	"video/webm":      {".webm", clipLimit},
	"video/x-m4v":     {".m4v", clipLimit},
}

// aliases are other names of the same types, as browsers and telephones send them.
var aliases = map[string]string{
	"image/heic-sequence": "image/heic",
	"image/heif-sequence": "image/heif",
	"image/jpg":           "image/jpeg",
	"image/pjpeg":         "image/jpeg",
	"image/x-png":         "image/png",
	"video/3gp":           "video/3gpp",
	"video/m4v":           "video/x-m4v",
	"video/mov":           "video/quicktime",
}

// extensions are the types of files whose content type is not known, as a browser reports a
// HEIC file on a system that does not know it.
var extensions = func() map[string]string {
	types := map[string]string{".jpeg": "image/jpeg", ".jpe": "image/jpeg", ".hif": "image/heif", ".qt": "video/quicktime"}
	for name, kind := range mediaTypes {
		types[kind.extension] = name
	}
	return types
}()

// mediaTypeOf returns the accepted content type that is meant by one in a request. If it is
// empty or says nothing, the extension of the file's name counts.
func mediaTypeOf(contentType, name string) (string, mediaType, error) {
	meant, _, err := mime.ParseMediaType(contentType)
	if err != nil { // mime reports parameters that it cannot read, too
		meant, _, _ = strings.Cut(contentType, ";")
		meant = strings.ToLower(strings.TrimSpace(meant))
	}
	switch meant {
	case "", "application/octet-stream", "binary/octet-stream":
		meant = extensions[strings.ToLower(path.Ext(name))]
	}
	if other, ok := aliases[meant]; ok {
		meant = other
	}
	kind, ok := mediaTypes[meant]
	if !ok {
		return "", mediaType{}, fault.New(fault.InvalidInput, "%q is not accepted; want one of %s",
			contentType, strings.Join(slices.Sorted(maps.Keys(mediaTypes)), ", "))
	}
	return meant, kind, nil
}
