// Package cost calculates what it costs to store the images: which layers each
// repository holds, which images share them, and the price in dollars per month. It
// works on manifests, which it reads through a [Registry] that the caller connects to.
package cost

import (
	"encoding/json"
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Part says what a blob is in an image.
type Part string

// The parts, from the lowest layer to the highest.
const (
	Base   Part = "base"
	FFmpeg Part = "ffmpeg"
	Files  Part = "files"
	Binary Part = "binary"
	Config Part = "configuration"
	// Documents are what is attached to images: SBOM and provenance.
	Documents Part = "documents"
	Other     Part = "other" // anything that is not an image of a function
)

// parts is the order of the parts in reports.
var parts = []Part{Base, FFmpeg, Files, Binary, Config, Documents, Other}

// Blob is what a registry stores of an image: a layer, or the configuration.
type Blob struct {
	Digest string
	Size   int64 // of the compressed blob, in bytes
	Part   Part
	// version distinguishes the modelled versions of a blob, which have the same digest.
	version int
}

// Image is an image in a repository.
type Image struct {
	// Name is the name of the function's image, or a name such as (other) for anything
	// else in the repository.
	Name   string
	Digest string
	// DeployCopy is true for the copy of a public image in a private repository. Lambda
	// accepts images only from private repositories.
	DeployCopy bool
	// Latest is true for the version that was published last.
	Latest bool
	// Blobs are the layers, most stable first, then the configuration.
	Blobs []Blob
}

// Repository is a repository with its images.
type Repository struct {
	// Region is set if the repositories of several regions are measured: each stores its own layers.
	Region  string
	Name    string // without the registry
	Tier    catalog.Registry
	Variant catalog.Variant
	Images  []Image
	// Archived are those in the archive class, of which no manifest can be read.
	Archived Archived
}

// Archived is what the archive class holds of a repository.
type Archived struct {
	Images int `json:"images"`
	// Bytes is at most this: a layer of several images counts for each.
	Bytes int64 `json:"bytes"`
}

// ReadManifest describes an image of a function: the last layer is the binary, below are
// those that the function has too, such as files, in the heavy variant then ffmpeg, and what
// is below is the base.
func ReadManifest(name string, variant catalog.Variant, digest string, m *v1.Manifest, too ...Part) (Image, error) {
	above := append(too, Binary)
	if variant == catalog.Heavy {
		above = append([]Part{FFmpeg}, above...)
	}
	bottom := len(m.Layers) - len(above)
	if bottom < 1 {
		return Image{}, fmt.Errorf("image %s has %d layers; a %s image has at least %d", name, len(m.Layers), variant, len(above)+1)
	}
	i := Image{Name: name, Digest: digest}
	for n, d := range m.Layers {
		part := Base
		if n >= bottom {
			part = above[n-bottom]
		}
		i.Blobs = append(i.Blobs, Blob{Digest: d.Digest.String(), Size: d.Size, Part: part})
	}
	i.Blobs = append(i.Blobs, Blob{Digest: m.Config.Digest.String(), Size: m.Config.Size, Part: Config})
	return i, nil
}

// ReadFunction is [ReadManifest] for an image of a function.
func ReadFunction(f catalog.Function, digest string, m *v1.Manifest) (Image, error) {
	return ReadManifest(f.Image, f.Variant, digest, m, too(f)...)
}

// too are the parts that an image of the function has besides ffmpeg and the binary.
func too(f catalog.Function) []Part {
	if len(f.Files) > 0 {
		return []Part{Files}
	}
	return nil
}

// ReadOther describes something else in a repository than the image of a function. All
// its blobs are of the given part.
func ReadOther(name string, part Part, digest string, m *v1.Manifest) Image {
	i := Image{Name: name, Digest: digest}
	for _, d := range append(slices.Clone(m.Layers), m.Config) {
		i.Blobs = append(i.Blobs, Blob{Digest: d.Digest.String(), Size: d.Size, Part: part})
	}
	return i
}

// Model returns the repositories with so many versions of each image, if only the binary
// changes from version to version. images has the images by name; items say which
// repositories each image goes to.
func Model(items []reference.Item, images map[string]Image, variants map[string]catalog.Variant, versions int) []Repository {
	var all []Repository
	for _, item := range items {
		name := reference.RepositoryName(item.Tier, item.Repository)
		at := slices.IndexFunc(all, func(r Repository) bool { return r.Name == name && r.Tier == item.Tier })
		if at < 0 {
			all = append(all, Repository{Name: name, Tier: item.Tier, Variant: variants[item.Image]})
			at = len(all) - 1
		}
		for version := range versions {
			i := images[item.Image]
			i.DeployCopy, i.Latest, i.Blobs = item.DeployCopy, version == 0, slices.Clone(i.Blobs)
			for n, b := range i.Blobs {
				if b.Part == Binary || b.Part == Config {
					i.Blobs[n].version = version
				}
			}
			all[at].Images = append(all[at].Images, i)
		}
	}
	return all
}

// OfLayout says what it will cost to keep so many versions of the images of a layout.
func OfLayout(dir string, functions []catalog.Function, kept *cache.Cache, versions int, names catalog.Repositories, prices Prices) (*Report, error) {
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
		if images[f.Image], err = ReadFunction(f, i.Digest.String(), &m); err != nil {
			return nil, fmt.Errorf("measure %s: %w", dir, err)
		}
		variants[f.Image] = f.Variant
		if image.Pin(i.Labels[image.LabelPin]) == image.Offline {
			offline = append(offline, f.Image)
		}
	}
	r := New(Model(reference.Items(functions, reference.Hosts{Names: names}, ""), images, variants, versions), prices)
	r.Source, r.Versions, r.Offline = dir, versions, offline
	return r, nil
}
