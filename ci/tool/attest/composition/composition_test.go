package composition

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// cached returns an image whose blobs are in a cache: a base of two layers, and the
// binary.
func cached(t *testing.T, variant catalog.Variant, binary ...layer.File) ([]byte, Open) {
	t.Helper()
	c := testkit.Cache(t)
	keep := func(files ...layer.File) layer.Layer {
		l, _, err := layer.Keep(c, files, "")
		require.NoError(t, err)
		return l
	}
	i := testkit.Image("thumb", variant)
	i.Base.Layers = []layer.Layer{keep(layer.Text("etc/one", 0o644, "1")), keep(layer.Text("etc/two", 0o644, "2"))}
	i.Base.Config.RootFS.DiffIDs = []v1.Hash{i.Base.Layers[0].DiffID, i.Base.Layers[1].DiffID}
	i.Binary = keep(binary...)
	encoded, err := i.Encode()
	require.NoError(t, err)
	_, err = c.PutBytes(encoded.Config)
	require.NoError(t, err)
	return encoded.Manifest, func(d v1.Descriptor) (io.ReadCloser, error) { return os.Open(c.Blob(d.Digest)) }
}

func TestRead(t *testing.T) {
	program := testkit.GoProgram(t, "amd64")
	for variant, want := range map[catalog.Variant][]image.Kind{
		catalog.Light: {image.KindBase, image.KindBase, image.KindBinary},
		catalog.Heavy: {image.KindBase, image.KindBase, image.KindFFmpeg, image.KindBinary},
	} {
		t.Run(string(variant), func(t *testing.T) {
			manifest, open := cached(t, variant, layer.Text(image.BootstrapPath, 0o755, program))
			i, err := Read(manifest, open)
			require.NoError(t, err)
			var kinds []image.Kind
			for _, l := range i.Layers {
				kinds = append(kinds, l.Kind)
			}
			assert.Equal(t, want, kinds)
			assert.Len(t, i.Of(image.KindBase), 2)
			assert.Equal(t, "thumb", i.Name)
			assert.Equal(t, testkit.AMD64, i.Platform)
			digest, size, err := v1.SHA256(bytes.NewReader(manifest))
			require.NoError(t, err)
			assert.Equal(t, digest, i.Subject.Digest)
			assert.Equal(t, size, i.Subject.Size)

			p, err := ReadProgram(i, open)
			require.NoError(t, err)
			require.NotNil(t, p.Info)
			assert.Equal(t, "example.org/program", p.Info.Path)
			assert.Equal(t, testkit.Digest(program).Hex, p.SHA256)
			assert.EqualValues(t, len(program), p.Size)
		})
	}
}

func TestReadProgramOfWhatIsNone(t *testing.T) {
	manifest, open := cached(t, catalog.Light, layer.Text(image.BootstrapPath, 0o755, "#!/bin/sh"))
	i, err := Read(manifest, open)
	require.NoError(t, err)
	p, err := ReadProgram(i, open)
	require.NoError(t, err)
	assert.Nil(t, p.Info)

	manifest, open = cached(t, catalog.Light, layer.Text("elsewhere", 0o755, ""))
	i, err = Read(manifest, open)
	require.NoError(t, err)
	_, err = ReadProgram(i, open)
	require.EqualError(t, err, "read the binary of thumb: /var/runtime/bootstrap is not in the last layer")
}

func TestReadRefuses(t *testing.T) {
	manifest, open := cached(t, catalog.Light, layer.Text(image.BootstrapPath, 0o755, ""))
	var m v1.Manifest
	require.NoError(t, json.Unmarshal(manifest, &m))
	m.Layers = m.Layers[1:]
	fewer, err := json.Marshal(m)
	require.NoError(t, err)
	_, err = Read(fewer, open)
	require.EqualError(t, err, "read what the image is made of: the manifest has 2 layers, the configuration 3")
	_, err = Read([]byte("no"), open)
	require.ErrorContains(t, err, "read what the image is made of: ")
	gone := errors.New("it is gone")
	_, err = Read(manifest, func(v1.Descriptor) (io.ReadCloser, error) { return nil, gone })
	require.ErrorIs(t, err, gone)
}
