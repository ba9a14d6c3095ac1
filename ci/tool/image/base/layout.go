package base

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/go-containerregistry/pkg/v1/layout"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	ocilayout "lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/report"
)

// annotation is the annotation in a layout that says where the base comes from.
const annotation = "internal.lambdas.base"

// origin is the part of a base that its manifest does not have.
type origin struct {
	Name   string    `json:"name"`
	Digest string    `json:"digest,omitempty"`
	Pin    image.Pin `json:"pin"`
}

// Write writes the base as an OCI image layout. Its layers must be in the cache.
func Write(dir string, c *cache.Cache, b image.Base) error {
	if err := write(dir, c, b); err != nil {
		return fmt.Errorf("write the base: %w", err)
	}
	return nil
}

func write(dir string, c *cache.Cache, b image.Base) error {
	config, err := json.Marshal(b.Config)
	if err != nil {
		return err
	}
	m := v1.Manifest{SchemaVersion: 2, MediaType: types.OCIManifestSchema1}
	if m.Config, err = keepBytes(c, types.OCIConfigJSON, config); err != nil {
		return err
	}
	for _, l := range b.Layers {
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: types.OCILayer, Size: l.Size, Digest: l.Digest})
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return err
	}
	d, err := keepBytes(c, types.OCIManifestSchema1, manifest)
	if err != nil {
		return err
	}
	says, err := json.Marshal(origin{b.Name, b.Digest, b.Pin})
	if err != nil {
		return err
	}
	d.Annotations = map[string]string{image.AnnotationRefName: "base", annotation: string(says)}
	return ocilayout.Write(dir, []v1.Descriptor{d}, c, func(v1.Descriptor) bool { return false })
}

func keepBytes(c *cache.Cache, media types.MediaType, data []byte) (v1.Descriptor, error) {
	digest, err := c.PutBytes(data)
	return v1.Descriptor{MediaType: media, Size: int64(len(data)), Digest: digest}, err
}

// Read reads a base that [Write] wrote, and copies its layers to the cache.
func Read(dir string, c *cache.Cache) (image.Base, error) {
	b, err := read(dir, c)
	if err != nil {
		return image.Base{}, fmt.Errorf("read the base in %s: %w", dir, err)
	}
	return b, nil
}

func read(dir string, c *cache.Cache) (image.Base, error) {
	index, err := ocilayout.Index(dir)
	if err != nil {
		return image.Base{}, err
	}
	if len(index.Manifests) != 1 {
		return image.Base{}, fmt.Errorf("it has %s, expected 1", report.Count(len(index.Manifests), "image"))
	}
	var o origin
	if err := json.Unmarshal([]byte(index.Manifests[0].Annotations[annotation]), &o); err != nil {
		return image.Base{}, errors.New("it does not say where it comes from; make it with `bin/ci base`")
	}
	path, err := layout.FromPath(dir)
	if err != nil {
		return image.Base{}, err
	}
	img, err := path.Image(index.Manifests[0].Digest)
	if err != nil {
		return image.Base{}, err
	}
	b, err := keepImage(c, img)
	b.Name, b.Digest, b.Pin = o.Name, o.Digest, o.Pin
	return b, err
}
