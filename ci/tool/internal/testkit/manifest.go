package testkit

import (
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Layer names a layer that is as large as size says, in bytes; the same name is the
// same layer.
func Layer(name string, size int64) v1.Descriptor {
	return v1.Descriptor{MediaType: types.OCILayer, Size: size, Digest: Digest(name)}
}

// Manifest returns the manifest of an image of the layers, with a configuration of
// 1000 bytes that is its own.
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
