package sizediff

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/publish"
)

// Source is an image in an OCI image layout or in a registry, and the way to read its
// layers.
type Source struct {
	Digest   v1.Hash
	Manifest v1.Manifest
	Config   v1.ConfigFile
	// open returns the content of a blob.
	open func(context.Context, v1.Descriptor) (io.ReadCloser, error)
}

// fromLayout returns an image of an OCI image layout.
func fromLayout(i publish.Image) (*Source, error) {
	s := &Source{Digest: i.Digest, open: func(_ context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		content, err := i.Open(d)
		if err != nil {
			return nil, fmt.Errorf("read the binary: %w", err)
		}
		return content, nil
	}}
	return s, s.read(i.Manifest, func(config v1.Descriptor) ([]byte, error) {
		content, err := i.Open(config)
		if err != nil {
			return nil, err
		}
		defer content.Close()
		return io.ReadAll(content)
	})
}

// Registry is where images are read from. It checks what it returns against the digest.
type Registry interface {
	// Manifest returns the manifest that the tag names, and its digest.
	Manifest(ctx context.Context, repository, tag string) (manifest []byte, digest v1.Hash, err error)
	// Blob returns the content of a small blob.
	Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error)
	// Download passes the content of a blob to keep. It calls keep again, with the
	// content from its beginning, when it has to read again.
	Download(ctx context.Context, repository string, digest v1.Hash, keep func(io.Reader) error) error
}

// FromRegistry returns the image that the tag of the repository names. Layers that are
// read are kept in the cache.
func FromRegistry(ctx context.Context, r Registry, kept *cache.Cache, repository, tag string) (*Source, error) {
	manifest, digest, err := r.Manifest(ctx, repository, tag)
	if err != nil {
		return nil, err
	}
	s := &Source{Digest: digest, open: func(ctx context.Context, d v1.Descriptor) (io.ReadCloser, error) {
		if !kept.Has(d.Digest, d.Size) {
			if err := r.Download(ctx, repository, d.Digest, kept.Keep); err != nil {
				return nil, err
			}
		}
		return os.Open(kept.Blob(d.Digest))
	}}
	if err := s.read(manifest, func(d v1.Descriptor) ([]byte, error) { return r.Blob(ctx, repository, d.Digest) }); err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", tag, repository, err)
	}
	return s, nil
}

// read fills in manifest and configuration.
func (s *Source) read(manifest []byte, blob func(v1.Descriptor) ([]byte, error)) error {
	if err := json.Unmarshal(manifest, &s.Manifest); err != nil {
		return fmt.Errorf("the manifest: %w", err)
	}
	if len(s.Manifest.Layers) == 0 {
		return fmt.Errorf("the manifest (%s) has no layers", s.Manifest.MediaType)
	}
	config, err := blob(s.Manifest.Config)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(config, &s.Config); err != nil {
		return fmt.Errorf("the configuration: %w", err)
	}
	return nil
}

// Program returns the function's program, which is in the last layer.
func (s *Source) Program(ctx context.Context) ([]byte, error) {
	last := s.Manifest.Layers[len(s.Manifest.Layers)-1]
	content, err := s.open(ctx, last)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	program, err := layer.Extract(content, image.BootstrapPath)
	if err != nil {
		return nil, fmt.Errorf("read the binary in layer %s: %w", last.Digest, err)
	}
	return program, nil
}
