package image

import (
	"fmt"
	"path"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Parts are the parts of images whose bytes this machine knows: those that the lock file
// pins, and those that this program makes itself. Any other part is unknown, whatever its
// labels say.
type Parts struct {
	Bases  []Base
	FFmpeg []FFmpeg
	// Unread says of pinned parts why no registry gave them.
	Unread []string
}

// FFmpeg is a layer with ffmpeg and ffprobe.
type FFmpeg struct {
	layer.Layer
	Pin Pin
}

// Claim is the image that a manifest and a configuration claim to be.
type Claim struct {
	Image
	// BasePin and FFmpegPin are those of the known parts that have these layers; empty if
	// the part is unknown.
	BasePin, FFmpegPin Pin
}

// Unpinned says why the image does not have what the lock file pins; "" if it does.
func (c Claim) Unpinned() string {
	const unknown = "is not known to be the pinned one: it has other layers, or the pinned one could not be read"
	switch {
	case c.BasePin == "":
		return "its base " + unknown
	case c.BasePin != Pinned:
		return fmt.Sprintf("its base is %q, not the pinned one", c.BasePin)
	case c.FFmpeg == nil || c.FFmpegPin == Pinned:
		return ""
	case c.FFmpegPin == "":
		return "its ffmpeg " + unknown
	}
	return fmt.Sprintf("its ffmpeg is from %q, not the pinned one", c.FFmpeg.Comment)
}

// Claim describes the image of a function from its manifest and configuration. Its parts are
// known by their layers. Of an unknown base, the configuration is what is left without the
// part of this program. It fails if the layers contradict the labels.
func (p Parts) Claim(f catalog.Function, m v1.Manifest, c v1.ConfigFile) (Claim, error) {
	own := 1
	if f.Variant == catalog.Heavy {
		own++
	}
	if len(f.Files) > 0 {
		own++
	}
	base := len(m.Layers) - own
	switch {
	case base < 1:
		return Claim{}, fmt.Errorf("the image has %s; a %s one has those of its base and %d more", report.Count(len(m.Layers), "layer"), f.Variant, own)
	case len(c.RootFS.DiffIDs) != len(m.Layers):
		return Claim{}, fmt.Errorf("the manifest lists %s, the configuration %d", report.Count(len(m.Layers), "layer"), len(c.RootFS.DiffIDs))
	case len(c.History) < own:
		return Claim{}, fmt.Errorf("the history has %s; each layer of this program has one", report.Count(len(c.History), "entry", "entries"))
	}
	var all []layer.Layer
	for n, d := range m.Layers {
		all = append(all, layer.Layer{Digest: d.Digest, DiffID: c.RootFS.DiffIDs[n], Size: d.Size})
	}
	of := Claim{Image: Image{Function: f, Platform: v1.Platform{OS: c.OS, Architecture: c.Architecture}, Binary: all[len(all)-1]}}
	of.Binary.Comment = binaryComment
	var err error
	if len(f.Files) > 0 {
		files := all[len(all)-2]
		files.Comment = filesComment
		of.Files = &files
	}
	if f.Variant == catalog.Heavy {
		if of.FFmpeg, of.FFmpegPin, err = p.ffmpeg(all[base], c.Config.Labels); err != nil {
			return Claim{}, err
		}
	}
	of.Base, of.BasePin, err = p.base(all[:base], c, own)
	return of, err
}

// base returns the known base with the layers, or describes the unknown one.
func (p Parts) base(layers []layer.Layer, c v1.ConfigFile, own int) (Base, Pin, error) {
	labels := c.Config.Labels
	claims := Pin(labels[LabelPin])
	for _, b := range p.Bases {
		if slices.EqualFunc(b.Layers, layers, func(a, b layer.Layer) bool { return a.Digest == b.Digest }) {
			return b, b.Pin, nil
		}
	}
	for _, b := range p.Bases {
		if b.Pin == claims {
			return Base{}, "", fmt.Errorf("the label %s says that the base is %s, but its layers are not those of %s", LabelPin, claims, b.Name)
		}
	}
	below := *c.DeepCopy()
	below.RootFS.DiffIDs = below.RootFS.DiffIDs[:len(layers)]
	below.History = below.History[:len(below.History)-own]
	return Base{Name: labels[LabelBaseName], Digest: labels[LabelBaseDigest], Pin: claims, Config: below, Layers: layers}, "", nil
}

// ffmpeg returns the known layer with the digest, or describes the unknown one.
func (p Parts) ffmpeg(l layer.Layer, labels map[string]string) (*layer.Layer, Pin, error) {
	l.Comment = labels[LabelFFmpeg]
	for _, known := range p.FFmpeg {
		switch {
		case known.Digest == l.Digest:
			return &known.Layer, known.Pin, nil
		case known.Comment == l.Comment:
			return nil, "", fmt.Errorf("the label %s says that ffmpeg is from %q, but its layer is not the one that is made from that", LabelFFmpeg, l.Comment)
		}
	}
	return &l, "", nil
}

// Key is a content key of the parts.
func (p Parts) Key() []string {
	var all []string
	for _, b := range p.Bases {
		all = append(all, "base", string(b.Pin), b.Name, b.Digest)
		for _, l := range b.Layers {
			all = append(all, l.Digest.String())
		}
	}
	for _, l := range p.FFmpeg {
		all = append(all, "ffmpeg", string(l.Pin), l.Comment, l.Digest.String())
	}
	return all
}

// binaryComment is the comment of the layer with the binary.
const binaryComment = "binary"

// filesComment is the comment of the layer with the files of image.json.
const filesComment = "files of the function"

// FilesLayer returns the files and the comment of the layer with the files of image.json,
// whose paths are relative to the task root. It is nobody's to change which bits they have.
func FilesLayer(files []layer.File) ([]layer.File, string) {
	var all []layer.File
	for _, f := range files {
		f.Path = path.Join(TaskRoot, f.Path)
		if f.Mode = f.Mode.Perm(); f.Mode&0o111 != 0 {
			f.Mode = 0o755
		} else {
			f.Mode = 0o644
		}
		all = append(all, f)
	}
	return all, filesComment
}

// BinaryLayer returns the files and the comment of the layer with a function's binary: it
// holds that alone.
func BinaryLayer(binary layer.File) ([]layer.File, string) {
	binary.Path, binary.Mode = BootstrapPath, 0o755
	return []layer.File{binary}, binaryComment
}
