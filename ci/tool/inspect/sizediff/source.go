package sizediff

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/layout"
)

// Source is an image in an OCI image layout or in a registry, and the way to read its
// layers.
type Source struct {
	Digest   v1.Hash
	Manifest v1.Manifest
	Config   v1.ConfigFile
	// fetch returns the file of a blob.
	fetch func(context.Context, v1.Descriptor) (string, error)
}

// ErrNotFound is returned for a layout that does not hold the image.
var ErrNotFound = errors.New("holds no such image")

// FromLayout returns the named image of the OCI image layout in dir. A blob that a later
// build removed from the layout is read from the cache, which keeps it for a while.
func FromLayout(dir, name string, kept *cache.Cache) (*Source, error) {
	index, err := layout.Index(dir)
	if err != nil {
		return nil, fmt.Errorf("read the image layout %s: %w", dir, err)
	}
	for _, d := range index.Manifests {
		if d.Annotations[image.AnnotationRefName] == name {
			s, err := readLayout(dir, d.Digest, kept)
			if err != nil {
				return nil, fmt.Errorf("read image %s of %s: %w", name, dir, err)
			}
			return s, nil
		}
	}
	return nil, fmt.Errorf("%s: %w: %s", dir, ErrNotFound, name)
}

func readLayout(dir string, digest v1.Hash, kept *cache.Cache) (*Source, error) {
	file := func(h v1.Hash) string {
		name := filepath.Join(dir, "blobs", h.Algorithm, h.Hex)
		if _, err := os.Stat(name); err != nil {
			return kept.Blob(h)
		}
		return name
	}
	s := &Source{Digest: digest, fetch: func(_ context.Context, d v1.Descriptor) (string, error) { return file(d.Digest), nil }}
	manifest, err := os.ReadFile(file(digest))
	if err != nil {
		return nil, err
	}
	return s, s.read(manifest, func(h v1.Hash) ([]byte, error) { return os.ReadFile(file(h)) })
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
	s := &Source{Digest: digest, fetch: func(ctx context.Context, d v1.Descriptor) (string, error) {
		if kept.Has(d.Digest, d.Size) {
			return kept.Blob(d.Digest), nil
		}
		return kept.Blob(d.Digest), r.Download(ctx, repository, d.Digest, func(content io.Reader) error {
			_, _, err := kept.Put(func(w io.Writer) error {
				_, err := io.Copy(w, content)
				return err
			})
			return err
		})
	}}
	if err := s.read(manifest, func(h v1.Hash) ([]byte, error) { return r.Blob(ctx, repository, h) }); err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", tag, repository, err)
	}
	return s, nil
}

// read fills in manifest and configuration.
func (s *Source) read(manifest []byte, blob func(v1.Hash) ([]byte, error)) error {
	if err := json.Unmarshal(manifest, &s.Manifest); err != nil {
		return fmt.Errorf("the manifest: %w", err)
	}
	if len(s.Manifest.Layers) == 0 {
		return fmt.Errorf("the manifest (%s) has no layers", s.Manifest.MediaType)
	}
	config, err := blob(s.Manifest.Config.Digest)
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
	file, err := s.fetch(ctx, last)
	if err != nil {
		return nil, err
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read the binary: %w", err)
	}
	defer f.Close()
	program, err := layer.Extract(f, image.BootstrapPath)
	if err != nil {
		return nil, fmt.Errorf("read the binary in layer %s: %w", last.Digest, err)
	}
	return program, nil
}
