// Package image describes the container image of a Lambda function as data: a base
// image, the layers on it, and the configuration. It reads and writes nothing. The same
// description always gives the same manifest bytes, and so the same digest.
package image

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// The paths of the parts of an image, without the leading slash. The entrypoint of
// AWS's base images starts /var/runtime/bootstrap.
const (
	BootstrapPath = "var/runtime/bootstrap"
	FFmpegPath    = "usr/local/bin/ffmpeg"
	FFprobePath   = "usr/local/bin/ffprobe"
	// TaskRoot is the folder in which a function starts.
	TaskRoot = "var/task"
)

// lambdaEntrypoint is the script of AWS's base images that starts the bootstrap: in
// Lambda directly, elsewhere in the emulator. It requires exactly one argument.
const lambdaEntrypoint = "/lambda-entrypoint.sh"

// Labels of every image, in addition to those of the OCI specification.
const (
	LabelImage   = "internal.lambdas.image"
	LabelVariant = "internal.lambdas.variant"
	LabelPin     = "internal.lambdas.base.pin"
	LabelFFmpeg  = "internal.lambdas.ffmpeg"
	LabelFiles   = "internal.lambdas.files"
)

// Labels and annotations of the OCI image specification.
const (
	labelTitle      = "org.opencontainers.image.title"
	LabelBaseName   = "org.opencontainers.image.base.name"
	LabelBaseDigest = "org.opencontainers.image.base.digest"
	// AnnotationRefName is the annotation that names an image in an image layout.
	AnnotationRefName = "org.opencontainers.image.ref.name"
	// These annotations say in an image layout what an image was made from: the content
	// keys of its binary and of the lock file, and the commit that was checked out.
	AnnotationSources = "internal.lambdas.sources"
	AnnotationLock    = "internal.lambdas.lock"
	AnnotationCommit  = "internal.lambdas.commit"
)

// Pin says whether an image's base is the one in the lock file.
type Pin string

// The pins. Only images with a Pinned base may be published to AWS.
const (
	Pinned   Pin = "pinned"   // its digest is the one in the lock file
	Unpinned Pin = "unpinned" // from a registry, but not with the digest in the lock file
	Offline  Pin = "offline"  // the small static base that this program makes
)

// Base is the base image: the lowest layers, and the configuration to start from.
type Base struct {
	// Name is the reference, registry/repository:tag.
	Name string
	// Digest is the digest of the manifest or index that Name named; empty for the
	// static base.
	Digest string
	Pin    Pin
	// Config is the configuration of the base image.
	Config v1.ConfigFile
	Layers []layer.Layer
}

// Image is the description of one image.
type Image struct {
	Function catalog.Function
	Platform v1.Platform
	Base     Base
	// FFmpeg is the layer with ffmpeg and ffprobe; only the heavy variant has it.
	FFmpeg *layer.Layer
	// Files is the layer with the files of image.json; nil if it names none.
	Files *layer.Layer
	// Binary is the layer with the function's binary only.
	Binary layer.Layer
}

// Layers returns the layers on top of the base, the one that changes least first.
func (i Image) Layers() []layer.Layer {
	var all []layer.Layer
	for _, l := range []*layer.Layer{i.FFmpeg, i.Files, &i.Binary} {
		if l != nil {
			all = append(all, *l)
		}
	}
	return all
}

// Kind says what a layer of an image is for.
type Kind string

// The kinds of layer, in the order of an image.
const (
	KindBase   Kind = "base"
	KindFFmpeg Kind = "ffmpeg"
	KindFiles  Kind = "files"
	KindBinary Kind = "binary"
)

// AllKinds are the kinds in the order of an image.
var AllKinds = []Kind{KindBase, KindFFmpeg, KindFiles, KindBinary}

// Kinds returns the kind of each layer of an image with so many layers and these
// labels: the last is the binary, those below are files and ffmpeg if the labels name them, and
// all others are the base.
func Kinds(layers int, labels map[string]string) []Kind {
	own := []Kind{KindBinary} // from the top
	if labels[LabelFiles] != "" {
		own = append(own, KindFiles)
	}
	if labels[LabelFFmpeg] != "" {
		own = append(own, KindFFmpeg)
	}
	kinds := make([]Kind, layers)
	for n := range kinds {
		kinds[n] = KindBase
		if fromTop := layers - n; fromTop <= len(own) {
			kinds[n] = own[fromTop-1]
		}
	}
	return kinds
}

// Encoded is an image as registries store it.
type Encoded struct {
	Manifest   []byte
	Config     []byte
	Descriptor v1.Descriptor
}

// Encode returns the manifest and configuration. It fails if the layers do not fit the
// variant, or if the base is for another platform.
func (i Image) Encode() (Encoded, error) {
	if err := i.check(); err != nil {
		return Encoded{}, fmt.Errorf("describe image %s: %w", i.Function.Image, err)
	}
	config, err := json.Marshal(i.config())
	if err != nil {
		return Encoded{}, fmt.Errorf("describe image %s: %w", i.Function.Image, err)
	}
	m := v1.Manifest{
		SchemaVersion: 2,
		MediaType:     types.OCIManifestSchema1,
		Config:        descriptor(types.OCIConfigJSON, config),
	}
	for _, l := range slices.Concat(i.Base.Layers, i.Layers()) {
		m.Layers = append(m.Layers, v1.Descriptor{MediaType: types.OCILayer, Size: l.Size, Digest: l.Digest})
	}
	manifest, err := json.Marshal(m)
	if err != nil {
		return Encoded{}, fmt.Errorf("describe image %s: %w", i.Function.Image, err)
	}
	d := descriptor(types.OCIManifestSchema1, manifest)
	d.Platform = &v1.Platform{OS: i.Platform.OS, Architecture: i.Platform.Architecture}
	d.Annotations = map[string]string{AnnotationRefName: i.Function.Image}
	return Encoded{Manifest: manifest, Config: config, Descriptor: d}, nil
}

func (i Image) check() error {
	base := v1.Platform{OS: i.Base.Config.OS, Architecture: i.Base.Config.Architecture}
	switch heavy := i.Function.Variant == catalog.Heavy; {
	case heavy && i.FFmpeg == nil:
		return fmt.Errorf("the variant is heavy, but there is no ffmpeg layer")
	case !heavy && i.FFmpeg != nil:
		return fmt.Errorf("the variant is %s, but there is an ffmpeg layer", i.Function.Variant)
	case (len(i.Function.Files) > 0) != (i.Files != nil):
		return fmt.Errorf("%s names %s, but the layer of files says otherwise", catalog.DescriptionFile, report.Count(len(i.Function.Files), "file"))
	case base.OS != i.Platform.OS || base.Architecture != i.Platform.Architecture:
		return fmt.Errorf("the base %s is for %s, not %s", i.Base.Name, base, i.Platform)
	case len(i.Base.Config.RootFS.DiffIDs) != len(i.Base.Layers):
		return fmt.Errorf("the base %s has %s, but its configuration lists %d",
			i.Base.Name, report.Count(len(i.Base.Layers), "layer"), len(i.Base.Config.RootFS.DiffIDs))
	}
	return nil
}

// config returns the base's configuration with this image's part added. It has no build
// time and no commit: they would change the digest of an unchanged image.
func (i Image) config() v1.ConfigFile {
	c := *i.Base.Config.DeepCopy()
	for _, l := range i.Layers() {
		c.RootFS.DiffIDs = append(c.RootFS.DiffIDs, l.DiffID)
		c.History = append(c.History, v1.History{CreatedBy: l.Comment})
	}
	if slices.Contains(c.Config.Entrypoint, lambdaEntrypoint) {
		c.Config.Cmd = []string{"bootstrap"}
	} else {
		c.Config.Entrypoint, c.Config.Cmd = []string{"/" + BootstrapPath}, nil
	}
	for _, name := range slices.Sorted(maps.Keys(i.Function.Environment)) {
		c.Config.Env = slices.DeleteFunc(c.Config.Env, func(v string) bool { return strings.HasPrefix(v, name+"=") })
		c.Config.Env = append(c.Config.Env, name+"="+i.Function.Environment[name])
	}
	if c.Config.Labels == nil {
		c.Config.Labels = map[string]string{}
	}
	maps.DeleteFunc(c.Config.Labels, func(name, _ string) bool { return ours(name) })
	maps.Copy(c.Config.Labels, i.labels())
	return c
}

// ours tells whether this program gives the label its meaning. That of a base would pose as
// one of this image.
func ours(label string) bool {
	return strings.HasPrefix(label, "internal.lambdas.") || slices.Contains([]string{labelTitle, LabelBaseName, LabelBaseDigest}, label)
}

func (i Image) labels() map[string]string {
	labels := map[string]string{
		labelTitle:    i.Function.Lambda,
		LabelBaseName: i.Base.Name,
		LabelImage:    i.Function.Image,
		LabelVariant:  string(i.Function.Variant),
		LabelPin:      string(i.Base.Pin),
	}
	if i.Base.Digest != "" {
		labels[LabelBaseDigest] = i.Base.Digest
	}
	if i.FFmpeg != nil {
		labels[LabelFFmpeg] = i.FFmpeg.Comment
	}
	if i.Files != nil {
		labels[LabelFiles] = i.Files.Comment
	}
	return labels
}

// descriptor returns the descriptor of data.
func descriptor(media types.MediaType, data []byte) v1.Descriptor {
	digest, size, err := v1.SHA256(bytes.NewReader(data))
	if err != nil {
		panic(err) // a reader over memory does not fail
	}
	return v1.Descriptor{MediaType: media, Size: size, Digest: digest}
}
