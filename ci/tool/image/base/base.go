// Package base gets the base image, which all images start from, into the cache: AWS's
// base from a registry, or a small static one if no registry can be reached.
package base

import (
	"context"
	"fmt"
	"io"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/report"
)

// Cached tells whether the cache has the chosen base with all its layers.
func Cached(c *cache.Cache, choice pin.Choice, platform v1.Platform) bool {
	_, ok := load(c, choice.Digest, platform)
	return ok
}

// Get returns the chosen base for the platform, and makes sure that its layers are in
// the cache. reused tells that they all were there before.
func Get(ctx context.Context, c *cache.Cache, choice pin.Choice, platform v1.Platform) (b image.Base, reused bool, err error) {
	if choice.Pin == image.Offline {
		return static(c, platform)
	}
	b, reused = load(c, choice.Digest, platform)
	if !reused {
		img, err := registry.Image(ctx, choice.Reference, choice.Digest, platform)
		if err != nil {
			return image.Base{}, false, fmt.Errorf("get the base: %w", err)
		}
		registry.Expect(ctx, img, c.Has)
		if b, err = keepImage(c, img); err != nil {
			return image.Base{}, false, fmt.Errorf("get the base %s: %w", choice.Reference, err)
		}
		if err := c.Save(key(choice.Digest, platform), b); err != nil {
			return image.Base{}, false, fmt.Errorf("get the base: %w", err)
		}
	}
	b.Name, b.Digest, b.Pin = choice.Name, choice.Digest.String(), choice.Pin
	return b, reused, nil
}

func key(digest v1.Hash, platform v1.Platform) string {
	return cache.Key("base", digest.String(), platform.String())
}

func load(c *cache.Cache, digest v1.Hash, platform v1.Platform) (image.Base, bool) {
	var b image.Base
	_, ok := c.Load(key(digest, platform), &b)
	whole := ok && !slices.ContainsFunc(b.Layers, func(l layer.Layer) bool { return !c.Has(l.Digest, l.Size) })
	return b, whole
}

// keepImage copies the layers of img unchanged to the cache, and describes the image.
func keepImage(c *cache.Cache, img v1.Image) (image.Base, error) {
	config, err := img.ConfigFile()
	if err != nil {
		return image.Base{}, err
	}
	layers, err := img.Layers()
	if err != nil {
		return image.Base{}, err
	}
	diffIDs := config.RootFS.DiffIDs
	if len(diffIDs) != len(layers) {
		return image.Base{}, fmt.Errorf("it has %s, but its configuration lists %d", report.Count(len(layers), "layer"), len(diffIDs))
	}
	b := image.Base{Config: *config}
	for i, l := range layers {
		// l.DiffID() may decompress the layer.
		kept, err := keepLayer(c, l, diffIDs[i])
		if err != nil {
			return image.Base{}, err
		}
		b.Layers = append(b.Layers, kept)
	}
	return b, nil
}

func keepLayer(c *cache.Cache, l v1.Layer, diffID v1.Hash) (layer.Layer, error) {
	media, err := l.MediaType()
	if err != nil {
		return layer.Layer{}, err
	}
	if media != types.OCILayer && media != types.DockerLayer {
		return layer.Layer{}, fmt.Errorf("a layer is %s; Lambda accepts gzip only", media)
	}
	digest, err := l.Digest()
	if err != nil {
		return layer.Layer{}, err
	}
	size, err := l.Size()
	if err != nil {
		return layer.Layer{}, err
	}
	if !c.Has(digest, size) {
		got, _, err := c.Put(func(w io.Writer) error {
			r, err := l.Compressed()
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = io.Copy(w, r)
			return err
		})
		if err != nil {
			return layer.Layer{}, err
		}
		if got != digest {
			return layer.Layer{}, fmt.Errorf("layer %s arrived with the digest %s", digest, got)
		}
	}
	return layer.Layer{Digest: digest, DiffID: diffID, Size: size}, nil
}
