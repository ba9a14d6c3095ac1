// Package limit has the limits of what is read from outside, each with its source: a registry
// or a folder may hold anything, and what it holds must end.
package limit

import (
	"context"
	"errors"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

const (
	// Layers is how many layers an image has at most: Docker stacks no more.
	// https://github.com/moby/moby/blob/v28.0.0/layer/layer_store.go
	Layers = 127
	// Unpacked is the size of the largest image that Lambda accepts, unpacked. No image is
	// larger packed.
	// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
	Unpacked = 10 << 30
	// Tools is how much is unpacked to find two programs, ffmpeg and ffprobe, in an image or a
	// package: several times what the image of the lock file has. It is our own limit.
	Tools = 2 << 30
	// Program is the size of the largest file that is read into memory, a function's program.
	// It is our own limit, tens of times what one has.
	Program = 1 << 30
	// Small is the size of a configuration, document or release record: that of the manifests
	// that every registry has to accept.
	// https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md#pushing-manifests
	Small = 4 << 20
	// Pages is how many pages a list of tags has at most. Those of ECR have a hundred tags or
	// more each, and a repository has 100,000 images.
	// https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
	Pages = 10_000
)

// Check fails for a manifest of which no image of ours, or of any base, can be.
func Check(m *v1.Manifest) error {
	if n := len(m.Layers); n > Layers {
		return fmt.Errorf("the image has %d layers; at most %d are accepted", n, Layers)
	}
	if m.Config.Size > Small {
		return fmt.Errorf("the image's configuration has %d bytes; at most %d are accepted", m.Config.Size, int64(Small))
	}
	var size int64
	for n, l := range m.Layers {
		if l.Size < 0 || l.Size > Unpacked || size+l.Size > Unpacked {
			return fmt.Errorf("the layers of the image have more than %d bytes with layer %d; Lambda accepts no more", int64(Unpacked), n+1)
		}
		size += l.Size
	}
	return nil
}

// Image checks the manifest of an image, and returns the image with layers that unpack to no
// more than size bytes together, and that end when the context does.
func Image(ctx context.Context, i v1.Image, size int64) (v1.Image, error) {
	m, err := i.Manifest()
	if err == nil {
		err = Check(m)
	}
	if err != nil {
		return nil, err
	}
	return image{i, &budget{ctx: ctx, size: size, left: size}}, nil
}

type image struct {
	v1.Image
	budget *budget
}

func (i image) Layers() ([]v1.Layer, error) {
	all, err := i.Image.Layers()
	limited := make([]v1.Layer, len(all))
	for n, l := range all {
		limited[n] = layer{l, i.budget}
	}
	return limited, err
}

type layer struct {
	v1.Layer
	budget *budget
}

func (l layer) Uncompressed() (io.ReadCloser, error) {
	content, err := l.Layer.Uncompressed()
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{&reader{content, l.budget}, content}, nil
}

// Reader returns a reader of at most size bytes; after them it fails. It ends when the
// context does.
func Reader(ctx context.Context, r io.Reader, size int64) io.Reader {
	return &reader{r, &budget{ctx: ctx, size: size, left: size}}
}

// ErrSize is the error of content that is larger than accepted.
var ErrSize = errors.New("more is unpacked than accepted")

// budget is what several readers may read, one after another.
type budget struct {
	ctx        context.Context
	size, left int64
}

type reader struct {
	r io.Reader
	*budget
}

func (r *reader) Read(p []byte) (int, error) {
	if r.ctx.Err() != nil {
		return 0, context.Cause(r.ctx)
	}
	n, err := r.r.Read(p)
	if r.left -= int64(n); r.left < 0 {
		return 0, fmt.Errorf("%w: %d bytes", ErrSize, r.size)
	}
	return n, err
}
