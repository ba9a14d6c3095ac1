package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/registry/limit"
)

// rawManifest is a manifest as the registry stores it.
type rawManifest struct {
	raw   []byte
	media types.MediaType
}

func (m rawManifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return m.media, nil }

// fileLayer is a blob in a file, as a layer.
type fileLayer struct {
	descriptor v1.Descriptor
	file       string
	sent       func(int64)
	mu         sync.Mutex
	count      int64
}

func (l *fileLayer) Digest() (v1.Hash, error)             { return l.descriptor.Digest, nil }
func (l *fileLayer) Size() (int64, error)                 { return l.descriptor.Size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error)  { return l.descriptor.MediaType, nil }
func (l *fileLayer) DiffID() (v1.Hash, error)             { return v1.Hash{}, errors.New("unknown") }
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) { return nil, errors.New("unknown") }

func (l *fileLayer) Compressed() (io.ReadCloser, error) {
	f, err := os.Open(l.file)
	if err != nil {
		return nil, err
	}
	l.rewind()
	return &countingFile{f, l}, nil
}

// rewind subtracts what was counted of an upload that starts again.
func (l *fileLayer) rewind() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent(-l.count)
	l.count = 0
}

func (l *fileLayer) add(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count += n
	l.sent(n)
}

// countingFile does not embed the file: the network code would use the other methods
// of os.File and so bypass the count.
type countingFile struct {
	file  *os.File
	layer *fileLayer
}

func (f *countingFile) Read(p []byte) (int, error) {
	n, err := f.file.Read(p)
	f.layer.add(int64(n))
	return n, err
}

func (f *countingFile) Close() error { return f.file.Close() }

// bytesLayer is a blob in memory, as a layer.
type bytesLayer struct {
	v1.Layer
	content []byte
}

func (l bytesLayer) Compressed() (io.ReadCloser, error) {
	return &onceReader{content: bytes.NewReader(l.content)}, nil
}

// onceReader fails, as a file does, when it is read after it was closed. Without that,
// a request that is sent again would have no body.
type onceReader struct {
	content *bytes.Reader
	mu      sync.Mutex
	closed  bool
}

func (r *onceReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, os.ErrClosed
	}
	return r.content.Read(p)
}

func (r *onceReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return nil
}

// Blob returns the content of a small blob, and verifies its digest.
func (c *Client) Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error) {
	return c.Content(ctx, repository, v1.Descriptor{Digest: digest, Size: limit.Small})
}

// Content returns the content of a blob, and verifies that it has the digest of the
// descriptor and is not larger than the descriptor says.
func (c *Client) Content(ctx context.Context, repository string, d v1.Descriptor) (content []byte, err error) {
	if d.Size > limit.Program {
		err := fmt.Errorf("the blob has %d bytes; at most %d are read into memory", d.Size, int64(limit.Program))
		return nil, wrap("read", repository, d.Digest.String(), err)
	}
	err = c.read(ctx, repository, d.Digest, func(body io.Reader) (err error) {
		if content, err = io.ReadAll(io.LimitReader(body, d.Size+1)); err != nil {
			return err
		}
		if int64(len(content)) > d.Size {
			return fmt.Errorf("the blob is larger than %d bytes", d.Size)
		}
		return nil
	})
	return content, wrap("read", repository, d.Digest.String(), err)
}

// Download calls keep with the content of a blob, and verifies its digest. If the
// connection fails, it calls keep again, with the content from the start.
func (c *Client) Download(ctx context.Context, repository string, digest v1.Hash, keep func(io.Reader) error) error {
	return wrap("download", repository, digest.String(), c.read(ctx, repository, digest, keep))
}

// read calls keep with the content of a blob.
func (c *Client) read(ctx context.Context, repository string, digest v1.Hash, keep func(io.Reader) error) error {
	return c.do(ctx, repository, func(s *session, o []remote.Option) error {
		l, err := remote.Layer(s.repository.Digest(digest.String()), o...)
		if err != nil {
			return err
		}
		body, err := l.Compressed() // verifies the digest
		if err != nil {
			return err
		}
		defer body.Close()
		return keep(body)
	})
}

// PutBytes uploads a small blob, unless the repository has it, and returns its
// descriptor.
func (c *Client) PutBytes(ctx context.Context, repository string, content []byte, media types.MediaType) (v1.Descriptor, error) {
	l := bytesLayer{static.NewLayer(content, media), content}
	digest, err := l.Digest()
	if err == nil {
		err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
			return remote.WriteLayer(s.repository, l, o...)
		})
	}
	if err != nil {
		return v1.Descriptor{}, wrap("upload", repository, string(media), err)
	}
	return v1.Descriptor{MediaType: media, Digest: digest, Size: int64(len(content))}, nil
}

// Referrers lists the manifests whose subject is the digest: from the registry's
// referrers API, or from the tag sha256-HEX if the registry does not have that API.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
func (c *Client) Referrers(ctx context.Context, repository string, digest v1.Hash) (all []v1.Descriptor, err error) {
	err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
		index, err := remote.Referrers(s.repository.Digest(digest.String()), o...)
		if err != nil {
			return unlessMissing(err)
		}
		m, err := index.IndexManifest()
		if err != nil {
			return fmt.Errorf("%w: %w", errBody, err)
		}
		all = m.Manifests
		return nil
	})
	return all, wrap("list what is attached to", repository, digest.String(), err)
}
