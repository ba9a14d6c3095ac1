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

// maxBlob bounds, in bytes, what is read into memory: configurations and records,
// which are thousands.
const maxBlob = 4 << 20

// Blob returns the content of a small blob, which has the digest.
func (c *Client) Blob(ctx context.Context, repository string, digest v1.Hash) (content []byte, err error) {
	err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
		l, err := remote.Layer(s.repository.Digest(digest.String()), o...)
		if err != nil {
			return err
		}
		body, err := l.Compressed() // verifies the digest
		if err != nil {
			return err
		}
		defer body.Close()
		if content, err = io.ReadAll(io.LimitReader(body, maxBlob+1)); err != nil {
			return err
		}
		if len(content) > maxBlob {
			return fmt.Errorf("the blob is larger than %d bytes", maxBlob)
		}
		return nil
	})
	return content, wrap("read", repository, digest.String(), err)
}

// Download gives the content of a blob, which has the digest, to keep. When the
// connection fails keep is called anew, with the content from its start.
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

// PutBytes uploads a small blob, unless the repository holds it, and returns its
// descriptor.
func (c *Client) PutBytes(ctx context.Context, repository string, content []byte, media types.MediaType) (v1.Descriptor, error) {
	l := static.NewLayer(content, media)
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
