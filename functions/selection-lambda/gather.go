package main

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/shared/exif"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/picture"
	"lambdas.internal/shared/proprietary/ranking"
	"lambdas.internal/shared/scratch"
	"lambdas.internal/shared/storage"
)

const (
	// gatheredAtOnce is how many media are read in parallel.
	gatheredAtOnce = 8
	// thumbnailLimit in bytes; those of thumbnail-lambda have about 30 KB.
	thumbnailLimit = 4 << 20
	// headLength is how many bytes of an original are read first: enough for the metadata
	// of a JPEG (an APP1 segment has at most 64 KB) and the head of every other format.
	headLength = 256 << 10
	// wholeLimit in bytes; of a larger clip, only the parts with its description are read.
	wholeLimit = 24 << 20
)

// objects is the part of storage that the gatherer needs.
type objects interface {
	Get(ctx context.Context, bucket, key string, limit int64) ([]byte, error)
	Head(ctx context.Context, bucket, key string, n int64) ([]byte, error)
	Fetch(ctx context.Context, bucket, key, path string, limit int64) (*storage.Local, error)
}

// gathered holds what is known about one photo or clip of a job.
type gathered struct {
	candidate ranking.Candidate
	thumbnail []byte
	// unreadable says why there is no candidate. It is empty when there is one.
	unreadable string
}

// gatherer reads and measures media.
type gatherer struct {
	objects objects
	tools   *ffmpeg.Tools
	// clips is locked while a clip is on disk, because two might not fit into /tmp.
	clips sync.Mutex
}

// gather reads all media of a request. The result includes the media that cannot be used;
// an error means that gather itself failed, and a retry may succeed.
func (g *gatherer) gather(ctx context.Context, request Request) ([]gathered, error) {
	all := make([]gathered, len(request.MediaKeys))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(gatheredAtOnce)
	for i, key := range request.MediaKeys {
		group.Go(func() (err error) {
			all[i], err = g.one(ctx, request.Bucket, key, request.ThumbnailKeys[i])
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	return all, nil
}

func (g *gatherer) one(ctx context.Context, bucket, key, thumbnailKey string) (gathered, error) {
	got := gathered{candidate: ranking.Candidate{Key: key}}
	var err error
	if got.thumbnail, err = g.objects.Get(ctx, bucket, thumbnailKey, thumbnailLimit); err != nil {
		return got.unless(err, "thumbnail")
	}
	img, err := picture.Decode(got.thumbnail)
	if err != nil {
		return got.unless(err, "thumbnail")
	}
	if got.candidate.Measures, err = ranking.Measure(img); err != nil {
		return got.unless(err, "thumbnail")
	}
	got.candidate.Taken, got.candidate.Clip, err = g.origin(ctx, bucket, key)
	if err != nil {
		return got.unless(err, "original")
	}
	return got, nil
}

// unless records an error that is the media's own fault in the result. It returns every
// other error, which stops the job.
func (g gathered) unless(err error, what string) (gathered, error) {
	if kind := fault.KindOf(err); kind != fault.NotFound && kind != fault.InvalidInput {
		return g, err
	}
	g.unreadable = fmt.Sprintf("its %s cannot be read: %s", what, fault.Message(err))
	return g, nil
}

// origin returns when the original was taken and whether it is a clip.
func (g *gatherer) origin(ctx context.Context, bucket, key string) (taken time.Time, clip bool, err error) {
	head, err := g.objects.Head(ctx, bucket, key, headLength)
	if err != nil {
		return time.Time{}, false, err
	}
	if format := photoFormats[picture.MIMEType(head)]; format != "" {
		return exif.Read(bytes.NewReader(head), format).Taken, false, nil
	}
	g.clips.Lock()
	defer g.clips.Unlock()
	dir, remove, err := scratch.New(ctx, "selection")
	if err != nil {
		return time.Time{}, false, err
	}
	defer remove()
	original, err := g.objects.Fetch(ctx, bucket, key, filepath.Join(dir, "clip"), wholeLimit)
	if err != nil {
		return time.Time{}, false, err
	}
	media, err := g.tools.Probe(ctx, original.Address)
	if err := cmp.Or(original.Close(), err); err != nil {
		return time.Time{}, false, err
	}
	return media.Taken, !media.Still(), nil
}

// photoFormats are the formats in which exif reads a photo's time.
var photoFormats = map[string]string{"image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp", "image/heic": "heif", "image/avif": "heif"}
