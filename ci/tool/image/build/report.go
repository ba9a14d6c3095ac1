package build

import (
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Report is the result of a build.
type Report struct {
	Platform string   `json:"platform"`
	Images   []Row    `json:"images"`
	Warnings []string `json:"warnings,omitempty"`
	// Seconds is the time of the whole build.
	Seconds float64 `json:"seconds"`
}

// Failed returns the errors of the images that could not be made.
func (r *Report) Failed() []error { return failures(r.Images) }

func failures(rows []Row) []error {
	var errs []error
	for _, row := range rows {
		if row.Err != nil {
			errs = append(errs, row.Err)
		}
	}
	return errs
}

// Row is the result for one image.
type Row struct {
	catalog.Function
	Platform string `json:"platform"`
	// Digest is the digest of the image's manifest.
	Digest string `json:"digest,omitempty"`
	// Layers are in the order of the image, base first.
	Layers []Layer `json:"layers,omitempty"`
	// Size is the size of all compressed layers, in bytes.
	Size int64 `json:"size,omitempty"`
	// Base is the reference of the base image, or "static".
	Base       string    `json:"base,omitempty"`
	BaseDigest string    `json:"baseDigest,omitempty"`
	Pin        image.Pin `json:"pin,omitempty"`
	// FFmpeg says where ffmpeg comes from.
	FFmpeg string `json:"ffmpeg,omitempty"`
	// Seconds is the time spent on this image alone: layer and manifest.
	Seconds float64 `json:"seconds"`
	// Error says why the image could not be made.
	Error string `json:"error,omitempty"`

	Err        error         `json:"-"`
	Descriptor v1.Descriptor `json:"-"`
}

// Layer is one layer of an image.
type Layer struct {
	Kind   string `json:"kind"` // base, ffmpeg, files or binary
	Digest string `json:"digest"`
	Size   int64  `json:"size"` // compressed, in bytes
	Reused bool   `json:"reused"`
}

// Reused returns the kinds of layer that were taken from the cache.
func (r Row) Reused() []string {
	var kinds []string
	for _, l := range r.Layers {
		if l.Reused && (len(kinds) == 0 || kinds[len(kinds)-1] != l.Kind) {
			kinds = append(kinds, l.Kind)
		}
	}
	return kinds
}

// files is the digest of the layer of files; "" if there is none.
func (r *Row) files() string {
	for _, l := range r.Layers {
		if l.Kind == string(image.KindFiles) {
			return l.Digest
		}
	}
	return ""
}

// describe fills the row from the image that was made.
func (r *Row) describe(img image.Image, in Inputs, filesReused, binaryReused bool) {
	r.Digest = r.Descriptor.Digest.String()
	r.Base, r.BaseDigest, r.Pin = img.Base.Name, img.Base.Digest, img.Base.Pin
	add := func(kind string, digest v1.Hash, size int64, reused bool) {
		r.Layers = append(r.Layers, Layer{Kind: kind, Digest: digest.String(), Size: size, Reused: reused})
		r.Size += size
	}
	for _, l := range img.Base.Layers {
		add("base", l.Digest, l.Size, in.BaseReused)
	}
	if img.FFmpeg != nil {
		r.FFmpeg = img.FFmpeg.Comment
		add("ffmpeg", img.FFmpeg.Digest, img.FFmpeg.Size, in.FFmpegReused)
	}
	if img.Files != nil {
		add(string(image.KindFiles), img.Files.Digest, img.Files.Size, filesReused)
	}
	add("binary", img.Binary.Digest, img.Binary.Size, binaryReused)
}

// BaseName returns the base as tables show it: without the registry, and with the pin if
// it is not the pinned one.
func (r Row) BaseName() string {
	name := r.Base[strings.LastIndex(r.Base, "/")+1:]
	if r.Pin != image.Pinned {
		name += " (" + string(r.Pin) + ")"
	}
	return name
}
