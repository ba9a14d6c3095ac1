// Package sizediff compares two images of one function: their layers, the Go packages
// in the program, and the versions of what they are made from. A [Source] reads an image
// from an OCI image layout or from a registry that the caller connects to.
package sizediff

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/image"
)

// Layer is one layer of an image.
type Layer struct {
	Kind   image.Kind `json:"kind"`
	Digest string     `json:"digest"`
	// Bytes is the compressed size.
	Bytes int64 `json:"bytes"`
}

// Image is one of the two images.
type Image struct {
	Digest string `json:"digest"`
	// Platform is what it is for.
	Platform string `json:"platform"`
	// Bytes is the sum of the compressed layers.
	Bytes  int64   `json:"bytes"`
	Layers []Layer `json:"layers"`
	// BinaryBytes is the size of the program's file, and CodeBytes that of its functions;
	// both are zero if the program was not read.
	BinaryBytes int64 `json:"binaryBytes,omitempty"`
	CodeBytes   int64 `json:"codeBytes,omitempty"`

	labels map[string]string
	binary *Binary
}

// Describe returns an image from its manifest and configuration.
func Describe(digest v1.Hash, m v1.Manifest, c v1.ConfigFile) *Image {
	i := &Image{Digest: digest.String(), Platform: c.OS + "/" + c.Architecture, labels: c.Config.Labels}
	for n, kind := range image.Kinds(len(m.Layers), c.Config.Labels) {
		l := m.Layers[n]
		i.Layers = append(i.Layers, Layer{Kind: kind, Digest: l.Digest.String(), Bytes: l.Size})
		i.Bytes += l.Size
	}
	return i
}

// SetBinary adds the contents of the image's program.
func (i *Image) SetBinary(b *Binary) {
	i.binary, i.BinaryBytes, i.CodeBytes = b, b.Size, b.Code
}

// Pin says whether the image's base is pinned, unpinned or offline.
func (i *Image) Pin() image.Pin { return image.Pin(i.labels[image.LabelPin]) }

// BinaryLayer returns the digest of the layer that holds the program.
func (i *Image) BinaryLayer() string {
	if len(i.Layers) == 0 {
		return ""
	}
	return i.Layers[len(i.Layers)-1].Digest
}

// Package is a Go package whose functions have another size.
type Package struct {
	Path   string `json:"path"`
	Before int64  `json:"before"` // in bytes
	After  int64  `json:"after"`
}

// Grew is by how many bytes the package's functions grew.
func (p Package) Grew() int64 { return p.After - p.Before }

// Version is a version that changed. Before is empty if the item is new, After if it was
// removed.
type Version struct {
	// What is a module path, toolchain, base or ffmpeg.
	What   string `json:"what"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
}

// Change is how the image of one function changed.
type Change struct {
	Image string `json:"image"`
	// Before is nil for a new image, After for a removed one.
	Before *Image `json:"before,omitempty"`
	After  *Image `json:"after,omitempty"`
	// Grew is by how many bytes the compressed image grew.
	Grew int64 `json:"grew"`
	// NewLayers are the layers that the image did not have before, and NewBytes their
	// size: a push or a pull transfers them.
	NewLayers []Layer `json:"newLayers,omitempty"`
	NewBytes  int64   `json:"newBytes"`
	// NewBlocks is how many blocks of 512 KiB, as Lambda loads images, no image had before.
	NewBlocks *int `json:"newBlocks,omitempty"`
	// Packages are the Go packages whose size changed, those with the most growth first.
	Packages []Package `json:"packages,omitempty"`
	// Versions are the versions that changed.
	Versions []Version `json:"versions,omitempty"`
	// Unknown says why packages and modules could not be compared.
	Unknown string `json:"unknown,omitempty"`
}

// Same tells whether both images have the same digest.
func (c *Change) Same() bool {
	return c.Before != nil && c.After != nil && c.Before.Digest == c.After.Digest
}

// Compare returns how the image of the function changed. One of the two may be nil.
func Compare(name string, before, after *Image) (*Change, error) {
	c := &Change{Image: name, Before: before, After: after}
	switch {
	case before == nil && after == nil:
		return nil, fmt.Errorf("compare %s: the image is on neither side", name)
	case before == nil:
		c.NewLayers = after.Layers
		c.Grew, c.NewBytes = after.Bytes, after.Bytes
		return c, nil
	case after == nil:
		c.Grew = -before.Bytes
		return c, nil
	case before.Platform != after.Platform:
		return nil, fmt.Errorf("compare %s: one image is for %s, the other for %s; build with --platform %s", name, before.Platform, after.Platform, before.Platform)
	}
	c.Grew = after.Bytes - before.Bytes
	for _, l := range after.Layers {
		if !slices.ContainsFunc(before.Layers, func(b Layer) bool { return b.Digest == l.Digest }) {
			c.NewLayers = append(c.NewLayers, l)
			c.NewBytes += l.Bytes
		}
	}
	c.Versions = versions(before, after)
	if before.binary != nil && after.binary != nil {
		c.Packages = packages(before.binary.Packages, after.binary.Packages)
	}
	return c, nil
}

// packages returns the packages whose size changed: those that grew most first,
// those that shrank most last.
func packages(before, after map[string]int64) []Package {
	var changed []Package
	for path := range union(before, after) {
		if before[path] != after[path] {
			changed = append(changed, Package{path, before[path], after[path]})
		}
	}
	slices.SortFunc(changed, func(a, b Package) int {
		return cmp.Or(cmp.Compare(b.Grew(), a.Grew()), cmp.Compare(a.Path, b.Path))
	})
	return changed
}

// versions returns the versions that changed: toolchain, base and ffmpeg, then the modules
// by name.
func versions(before, after *Image) []Version {
	var moved []Version
	add := func(what, from, to string) {
		if from != to {
			moved = append(moved, Version{what, from, to})
		}
	}
	known := before.binary != nil && after.binary != nil
	if known {
		add("toolchain", before.binary.Toolchain, after.binary.Toolchain)
	}
	add("base", base(before.labels), base(after.labels))
	add("ffmpeg", before.labels[image.LabelFFmpeg], after.labels[image.LabelFFmpeg])
	if known {
		from, to := before.binary.Modules, after.binary.Modules
		for _, path := range slices.Sorted(maps.Keys(union(from, to))) {
			add(path, from[path], to[path])
		}
	}
	return moved
}

// base names the base of an image.
func base(labels map[string]string) string {
	if digest := labels[image.LabelBaseDigest]; digest != "" {
		return labels[image.LabelBaseName] + "@" + digest
	}
	return labels[image.LabelBaseName]
}

func union[V any](a, b map[string]V) map[string]V {
	all := map[string]V{}
	maps.Copy(all, a)
	maps.Copy(all, b)
	return all
}
