package publish

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Image is an image of an OCI image layout, ready to be pushed.
type Image struct {
	Name      string
	Digest    v1.Hash
	MediaType types.MediaType
	Manifest  []byte
	// Blobs are the layers, then the configuration.
	Blobs []v1.Descriptor
	// Platform is that of the configuration, such as linux/arm64.
	Platform string
	// Labels are those of the configuration. They say what the image claims.
	Labels map[string]string
	// Attach are the documents to attach to the image in the repositories of a registry.
	Attach map[catalog.Registry][]referrer.Artifact
	dir    string
	kept   *cache.Cache
}

// file is the file of a blob of the image. If another build has replaced the layout since
// the image was read, the blob is still in the cache.
func (i Image) file(digest v1.Hash) string {
	name := filepath.Join(i.dir, "blobs", digest.Algorithm, digest.Hex)
	if _, err := os.Stat(name); err != nil && i.kept != nil {
		return i.kept.Blob(digest)
	}
	return name
}

// Subject names the image's manifest.
func (i Image) Subject() v1.Descriptor {
	return v1.Descriptor{MediaType: i.MediaType, Size: int64(len(i.Manifest)), Digest: i.Digest}
}

// Open returns the content of a blob of the image.
func (i Image) Open(d v1.Descriptor) (io.ReadCloser, error) { return os.Open(i.file(d.Digest)) }

// ReadImages reads the images of the functions from the OCI image layout in dir; of several, those
// for the architecture of the function.
// kept is a cache that has their blobs too; it may be nil.
func ReadImages(dir string, functions []catalog.Function, kept *cache.Cache) (map[string]Image, error) {
	images := map[string]Image{}
	there, err := layout.Open(dir)
	for _, f := range functions {
		var i Image
		if err == nil {
			i, err = readImage(dir, there, f, kept)
		}
		if err != nil {
			return nil, fmt.Errorf("read image %s of %s: %w", f.Image, dir, err)
		}
		images[f.Image] = i
	}
	return images, nil
}

func readImage(dir string, there layout.Images, f catalog.Function, kept *cache.Cache) (Image, error) {
	d, err := there.Find(f.Image, f.Arch())
	if err != nil {
		return Image{}, err
	}
	i := Image{Name: f.Image, Digest: d.Digest, MediaType: d.MediaType, dir: dir, kept: kept}
	if i.Manifest, err = i.read(d.Digest); err != nil {
		return Image{}, err
	}
	var m v1.Manifest
	if err := json.Unmarshal(i.Manifest, &m); err != nil {
		return Image{}, fmt.Errorf("read the manifest: %w", err)
	}
	if err := limit.Check(&m); err != nil {
		return Image{}, err
	}
	raw, err := i.read(m.Config.Digest)
	if err != nil {
		return Image{}, err
	}
	var config v1.ConfigFile
	if err := json.Unmarshal(raw, &config); err != nil {
		return Image{}, fmt.Errorf("read the configuration: %w", err)
	}
	i.Blobs, i.Labels = append(m.Layers, m.Config), config.Config.Labels
	i.Platform = v1.Platform{OS: config.OS, Architecture: config.Architecture}.String()
	return i, nil
}

// read returns the content of a small blob, which must be what its name says.
func (i Image) read(digest v1.Hash) ([]byte, error) {
	content, err := os.ReadFile(i.file(digest))
	if err != nil {
		return nil, err
	}
	if got, _, err := v1.SHA256(bytes.NewReader(content)); err != nil || got != digest {
		return nil, fmt.Errorf("%s has other content than its name says; build again: bin/ci build-all", i.file(digest))
	}
	return content, nil
}
