// Package cost calculates what it costs to store the images: which layers each
// repository holds, which images share them, and the price in dollars per month. It
// works on manifests, which it reads through a [Registry] that the caller connects to.
package cost

import (
	"fmt"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Part says what a blob is in an image.
type Part string

// The parts, as they lie on one another.
const (
	Base   Part = "base"
	FFmpeg Part = "ffmpeg"
	Binary Part = "binary"
	Config Part = "configuration"
	// Documents are what is attached to images: SBOM and provenance.
	Documents Part = "documents"
	Other     Part = "other" // of what is no image of a function
)

// parts is the order in which they are told of.
var parts = []Part{Base, FFmpeg, Binary, Config, Documents, Other}

// Blob is what a registry stores of an image: a layer, or the configuration.
type Blob struct {
	Digest string
	Size   int64 // in bytes, compressed, as it is stored
	Part   Part
	// version tells apart what has one digest only because it is modelled.
	version int
}

// Image is an image in a repository.
type Image struct {
	// Name is that of the function's image, or of what else the repository holds.
	Name   string
	Digest string
	// DeployCopy is true for a public image in a private repository: Lambda takes
	// images from nowhere else.
	DeployCopy bool
	// Latest is true for the version that was published last.
	Latest bool
	// Blobs are the layers, most stable first, then the configuration.
	Blobs []Blob
}

// Repository is what a repository holds.
type Repository struct {
	Name    string // without the registry
	Tier    catalog.Registry
	Variant catalog.Variant
	Images  []Image
}

// ReadManifest describes an image of a function: the last layer is the binary, in
// the heavy variant the one before is ffmpeg, and what is below is the base.
func ReadManifest(name string, variant catalog.Variant, digest string, m *v1.Manifest) (Image, error) {
	above := []Part{Binary}
	if variant == catalog.Heavy {
		above = []Part{FFmpeg, Binary}
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

// ReadOther describes what a repository holds beside the images of functions, all
// of which is the one part.
func ReadOther(name string, part Part, digest string, m *v1.Manifest) Image {
	i := Image{Name: name, Digest: digest}
	for _, d := range append(slices.Clone(m.Layers), m.Config) {
		i.Blobs = append(i.Blobs, Blob{Digest: d.Digest.String(), Size: d.Size, Part: part})
	}
	return i
}

// Model returns what the repositories hold once so many versions of each image are
// kept, when all that changes from version to version is the binary. images has
// the images by name; items say which repository each goes to.
func Model(items []publish.Item, images map[string]Image, variants map[string]catalog.Variant, versions int) []Repository {
	var all []Repository
	for _, item := range items {
		name := publish.RepositoryName(item.Tier, variants[item.Image])
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
