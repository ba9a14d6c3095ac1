package registry

import (
	"context"
	"fmt"
	"io"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// maxBlob limits, in bytes, what is read into memory. Configurations and release
// records have some thousands of bytes.
const maxBlob = 4 << 20

// Blob returns the content of a small blob, and verifies its digest.
func (c *Client) Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error) {
	return c.Content(ctx, repository, v1.Descriptor{Digest: digest, Size: maxBlob})
}

// Content returns the content of a blob, and verifies that it has the digest of the
// descriptor and is not larger than the descriptor says.
func (c *Client) Content(ctx context.Context, repository string, d v1.Descriptor) (content []byte, err error) {
	err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
		l, err := remote.Layer(s.repository.Digest(d.Digest.String()), o...)
		if err != nil {
			return err
		}
		body, err := l.Compressed() // verifies the digest
		if err != nil {
			return err
		}
		defer body.Close()
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
	err := c.do(ctx, repository, func(s *session, o []remote.Option) error {
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
	return wrap("download", repository, digest.String(), err)
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
