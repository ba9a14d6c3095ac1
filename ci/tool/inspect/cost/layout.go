package cost

import (
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// OfLayout says what it will cost to keep so many versions of the images of a layout.
func OfLayout(dir string, functions []catalog.Function, kept *cache.Cache, versions int, prices Prices) (*Report, error) {
	read, err := publish.ReadImages(dir, functions, kept)
	if err != nil {
		return nil, err
	}
	images, variants := map[string]Image{}, map[string]catalog.Variant{}
	var offline []string
	for _, f := range functions {
		i := read[f.Image]
		var m v1.Manifest
		if err := json.Unmarshal(i.Manifest, &m); err != nil {
			return nil, fmt.Errorf("read image %s of %s: the manifest: %w", f.Image, dir, err)
		}
		if images[f.Image], err = ReadManifest(f.Image, f.Variant, i.Digest.String(), &m); err != nil {
			return nil, fmt.Errorf("measure %s: %w", dir, err)
		}
		variants[f.Image] = f.Variant
		if image.Pin(i.Labels[image.LabelPin]) == image.Offline {
			offline = append(offline, f.Image)
		}
	}
	r := New(Model(publish.Items(functions, publish.Hosts{}, ""), images, variants, versions), prices)
	r.Source, r.Versions, r.Offline = dir, versions, offline
	return r, nil
}
