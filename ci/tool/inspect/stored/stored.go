// Package stored reads images where they are stored: in an OCI image layout or in
// a registry.
package stored

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

// Image is an image where it is stored.
type Image struct {
	Digest   v1.Hash
	Manifest v1.Manifest
	Config   v1.ConfigFile
	// fetch returns the file of a blob.
	fetch func(context.Context, v1.Descriptor) (string, error)
}

// ErrNone says that the place holds no such image.
var ErrNone = errors.New("holds no such image")

// InLayout returns the named image of the OCI image layout in dir. A blob that a later
// build took from the layout is read from the cache, where it stays for a while.
func InLayout(dir, name string, kept *cache.Cache) (*Image, error) {
	index, err := layout.Index(dir)
	if err != nil {
		return nil, fmt.Errorf("read the image layout %s: %w", dir, err)
	}
	for _, d := range index.Manifests {
		if d.Annotations[image.AnnotationRefName] == name {
			i, err := inLayout(dir, d.Digest, kept)
			if err != nil {
				return nil, fmt.Errorf("read image %s of %s: %w", name, dir, err)
			}
			return i, nil
		}
	}
	return nil, fmt.Errorf("%s: %w: %s", dir, ErrNone, name)
}

func inLayout(dir string, digest v1.Hash, kept *cache.Cache) (*Image, error) {
	file := func(h v1.Hash) string {
		name := filepath.Join(dir, "blobs", h.Algorithm, h.Hex)
		if _, err := os.Stat(name); err != nil {
			return kept.Blob(h)
		}
		return name
	}
	i := &Image{Digest: digest, fetch: func(_ context.Context, d v1.Descriptor) (string, error) { return file(d.Digest), nil }}
	manifest, err := os.ReadFile(file(digest))
	if err != nil {
		return nil, err
	}
	return i, i.describe(manifest, func(h v1.Hash) ([]byte, error) { return os.ReadFile(file(h)) })
}

// Registry is where images are read from; what it returns has the digest.
type Registry interface {
	// Manifest returns the manifest that the tag names, and its digest.
	Manifest(ctx context.Context, repository, tag string) (manifest []byte, digest v1.Hash, err error)
	// Blob returns the content of a small blob.
	Blob(ctx context.Context, repository string, digest v1.Hash) ([]byte, error)
	// Download gives the content of a blob to keep, anew when it is read again.
	Download(ctx context.Context, repository string, digest v1.Hash, keep func(io.Reader) error) error
}

// InRegistry returns the image that the tag of the repository names. Layers that are
// read stay in the cache.
func InRegistry(ctx context.Context, r Registry, kept *cache.Cache, repository, tag string) (*Image, error) {
	manifest, digest, err := r.Manifest(ctx, repository, tag)
	if err != nil {
		return nil, err
	}
	i := &Image{Digest: digest, fetch: func(ctx context.Context, d v1.Descriptor) (string, error) {
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
	if err := i.describe(manifest, func(h v1.Hash) ([]byte, error) { return r.Blob(ctx, repository, h) }); err != nil {
		return nil, fmt.Errorf("read %s in %s: %w", tag, repository, err)
	}
	return i, nil
}

// describe fills in manifest and configuration.
func (i *Image) describe(manifest []byte, blob func(v1.Hash) ([]byte, error)) error {
	if err := json.Unmarshal(manifest, &i.Manifest); err != nil {
		return fmt.Errorf("the manifest: %w", err)
	}
	if len(i.Manifest.Layers) == 0 {
		return fmt.Errorf("the manifest (%s) names no layer", i.Manifest.MediaType)
	}
	config, err := blob(i.Manifest.Config.Digest)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(config, &i.Config); err != nil {
		return fmt.Errorf("the configuration: %w", err)
	}
	return nil
}

// Binary returns the function's program, which the last layer holds.
func (i *Image) Binary(ctx context.Context) ([]byte, error) {
	last := i.Manifest.Layers[len(i.Manifest.Layers)-1]
	file, err := i.fetch(ctx, last)
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
