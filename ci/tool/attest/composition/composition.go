// Package composition reads what an image is made of: its layers and their kinds, its
// labels, and the Go program in it. The caller says where the blobs are read from.
package composition

import (
	"bytes"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime/debug"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
)

// maxConfig limits the size of a configuration, in bytes; usually it is a few thousand.
const maxConfig = 4 << 20

// Layer is a layer of an image.
type Layer struct {
	Kind   image.Kind
	Digest v1.Hash
	DiffID v1.Hash
	Size   int64 // compressed, in bytes
}

// Program is the function's binary.
type Program struct {
	SHA256 string // of the file, in hex
	Size   int64  // of the file, in bytes
	// Info is what the Go toolchain wrote into it; nil if it is not a Go program.
	Info *debug.BuildInfo
}

// Image is what an image is made of.
type Image struct {
	// Name is the image's name in the catalog, from its label.
	Name string
	// Subject names the manifest.
	Subject v1.Descriptor
	// Config is the digest of the configuration.
	Config   v1.Hash
	Platform v1.Platform
	Labels   map[string]string
	// Layers are in the order of the image, base first.
	Layers []Layer
}

// Open returns the content of a blob.
type Open func(d v1.Descriptor) (io.ReadCloser, error)

// Read reads what the image with the manifest is made of.
func Read(manifest []byte, open Open) (Image, error) {
	i, err := read(manifest, open)
	if err != nil {
		return Image{}, fmt.Errorf("read what the image is made of: %w", err)
	}
	return i, nil
}

func read(manifest []byte, open Open) (Image, error) {
	m, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return Image{}, err
	}
	raw, err := readBlob(open, m.Config, maxConfig)
	if err != nil {
		return Image{}, fmt.Errorf("read the configuration: %w", err)
	}
	var config v1.ConfigFile
	if err := json.Unmarshal(raw, &config); err != nil {
		return Image{}, fmt.Errorf("read the configuration: %w", err)
	}
	if len(config.RootFS.DiffIDs) != len(m.Layers) || len(m.Layers) == 0 {
		return Image{}, fmt.Errorf("the manifest has %d layers, the configuration %d", len(m.Layers), len(config.RootFS.DiffIDs))
	}
	digest, size, err := v1.SHA256(bytes.NewReader(manifest))
	if err != nil {
		return Image{}, err
	}
	i := Image{
		Subject:  v1.Descriptor{MediaType: m.MediaType, Digest: digest, Size: size},
		Config:   m.Config.Digest,
		Platform: v1.Platform{OS: config.OS, Architecture: config.Architecture},
		Labels:   config.Config.Labels,
		Name:     config.Config.Labels[image.LabelImage],
	}
	if i.Subject.MediaType == "" {
		i.Subject.MediaType = types.OCIManifestSchema1
	}
	kinds := image.Kinds(len(m.Layers), i.Labels)
	for n, l := range m.Layers {
		i.Layers = append(i.Layers, Layer{Kind: kinds[n], Digest: l.Digest, DiffID: config.RootFS.DiffIDs[n], Size: l.Size})
	}
	return i, nil
}

// Of returns the layers of one kind.
func (i Image) Of(k image.Kind) []Layer {
	return slices.DeleteFunc(slices.Clone(i.Layers), func(l Layer) bool { return l.Kind != k })
}

// ReadProgram reads the function's binary from its layer.
func ReadProgram(i Image, open Open) (Program, error) {
	p, err := readProgram(i, open)
	if err != nil {
		return Program{}, fmt.Errorf("read the binary of %s: %w", i.Name, err)
	}
	return p, nil
}

func readProgram(i Image, open Open) (Program, error) {
	l := i.Layers[len(i.Layers)-1]
	r, err := open(v1.Descriptor{MediaType: types.OCILayer, Digest: l.Digest, Size: l.Size})
	if err != nil {
		return Program{}, err
	}
	defer r.Close()
	content, err := layer.Extract(r, image.BootstrapPath)
	if errors.Is(err, fs.ErrNotExist) {
		return Program{}, fmt.Errorf("/%s is not in the last layer", image.BootstrapPath)
	}
	if err != nil {
		return Program{}, err
	}
	return ProgramOf(content), nil
}

// ProgramOf reads a program.
func ProgramOf(content []byte) Program {
	sum := sha256.Sum256(content)
	p := Program{SHA256: hex.EncodeToString(sum[:]), Size: int64(len(content))}
	if info, err := buildinfo.Read(bytes.NewReader(content)); err == nil {
		p.Info = info
	}
	return p
}

// readBlob reads a blob of at most limit bytes.
func readBlob(open Open, d v1.Descriptor, limit int64) ([]byte, error) {
	r, err := open(d)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	content, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(content)) > limit {
		err = fmt.Errorf("it is larger than %d bytes", limit)
	}
	return content, err
}
