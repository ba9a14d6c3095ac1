package testkit

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Layer returns the descriptor of a layer of so many bytes. The same name gives the same
// layer.
func Layer(name string, size int64) v1.Descriptor {
	return v1.Descriptor{MediaType: types.OCILayer, Size: size, Digest: Digest(name)}
}

// Manifest returns the manifest of an image of the layers, with its own configuration of
// 1000 bytes.
func Manifest(layers ...v1.Descriptor) *v1.Manifest {
	all := "configuration"
	for _, l := range layers {
		all += " " + l.Digest.String()
	}
	return &v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, Layers: layers,
		Config: v1.Descriptor{MediaType: types.OCIConfigJSON, Size: 1000, Digest: Digest(all)},
	}
}
