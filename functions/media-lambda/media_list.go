package main

import (
	"cmp"
	"net/http"
	"path"
	"strings"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
)

// How many media one page of a list has.
const (
	mediaPage     = 100
	mediaPageMost = 1000
)

// media is an object of a session.
type media struct {
	Key string `json:"key"`
	// Name under which a browser saves it.
	Name        string `json:"name"`
	ContentType string `json:"contentType"`
	// Size in bytes.
	Size int64 `json:"size"`
	// ModifiedAt in Unix seconds.
	ModifiedAt int64 `json:"modifiedAt"`
	// ThumbnailKey is where a thumbnail job puts the thumbnail of an original.
	ThumbnailKey string `json:"thumbnailKey,omitempty"`
}

// mediaList is one page of the objects in a folder of a session.
type mediaList struct {
	Media []media `json:"media"`
	// Cursor of the next page; empty on the last one.
	Cursor string `json:"cursor,omitempty"`
}

func listMedia(b *backend, r *http.Request) (int, any, error) {
	session := sessionOf(r).ID
	folder := r.URL.Query().Get("folder")
	switch folder {
	case "":
		folder = mediakey.Originals
	case mediakey.Originals, mediakey.Thumbnails, mediakey.Enhanced:
	default:
		return 0, nil, fault.New(fault.InvalidInput, "folder %q: want originals, thumbnails or enhanced", folder)
	}
	cursor, limit, err := page(r, mediaPage, mediaPageMost)
	if err != nil {
		return 0, nil, err
	}
	prefix := path.Join(session, folder) + "/"
	if cursor != "" && !strings.HasPrefix(cursor, prefix) {
		return 0, nil, fault.New(fault.InvalidInput, "cursor %q: want the cursor of a list of this folder", cursor)
	}
	entries, more, err := b.objects.List(r.Context(), b.bucket, prefix, cursor, limit)
	if err != nil {
		return 0, nil, err
	}
	list := mediaList{Media: make([]media, len(entries))}
	for i, entry := range entries {
		list.Media[i] = media{Key: entry.Key, Name: fileName(entry.Key), ContentType: typeOf(entry.Key), Size: entry.Size, ModifiedAt: entry.Modified.Unix()}
		if folder == mediakey.Originals {
			list.Media[i].ThumbnailKey = mediakey.Thumbnail(session, entry.Key)
		}
	}
	if more {
		list.Cursor = entries[len(entries)-1].Key
	}
	return http.StatusOK, list, nil
}

// typeOf returns the content type of an object by its extension, which this API and the
// processors choose.
func typeOf(key string) string {
	return cmp.Or(extensions[path.Ext(key)], "application/octet-stream")
}

// deleteMedia deletes an object and, if it is an original, its thumbnail. It may be
// repeated.
func deleteMedia(b *backend, r *http.Request) (int, any, error) {
	session, key := sessionOf(r).ID, r.URL.Query().Get("key")
	if err := mediakey.Check(session, key); err != nil {
		return 0, nil, err
	}
	keys := []string{key}
	if mediakey.Folder(key) == mediakey.Originals {
		keys = append(keys, mediakey.Thumbnail(session, key))
	}
	if err := b.objects.Delete(r.Context(), b.bucket, keys...); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}
