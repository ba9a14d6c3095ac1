package limit

import (
	"context"
	"io"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	layers := func(count int, size int64) (all []v1.Descriptor) {
		for range count {
			all = append(all, v1.Descriptor{Size: size})
		}
		return all
	}
	for name, c := range map[string]struct {
		manifest v1.Manifest
		problem  string
	}{
		"a common image":           {v1.Manifest{Layers: layers(5, 50e6)}, ""},
		"as many as allowed":       {v1.Manifest{Layers: layers(127, 1)}, ""},
		"10,000 layers":            {v1.Manifest{Layers: layers(10_000, 1)}, "the image has 10000 layers; at most 127 are accepted"},
		"as large as allowed":      {v1.Manifest{Layers: layers(2, Unpacked/2)}, ""},
		"too large":                {v1.Manifest{Layers: layers(2, Unpacked/2+1)}, "the layers of the image have more than 10737418240 bytes with layer 2; Lambda accepts no more"},
		"sizes that overflow":      {v1.Manifest{Layers: layers(3, 1<<62)}, "with layer 1"},
		"a size below zero":        {v1.Manifest{Layers: layers(1, -1)}, "with layer 1"},
		"a huge configuration":     {v1.Manifest{Config: v1.Descriptor{Size: 1 << 40}}, "the image's configuration has 1099511627776 bytes; at most 4194304 are accepted"},
		"a document has no layers": {v1.Manifest{}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check(&c.manifest)
			if c.problem == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.problem)
		})
	}
}

func TestReader(t *testing.T) {
	content, err := io.ReadAll(Reader(t.Context(), strings.NewReader("12345"), 5))
	require.NoError(t, err)
	assert.Equal(t, "12345", string(content))
	_, err = io.ReadAll(Reader(t.Context(), strings.NewReader("123456"), 5))
	require.ErrorIs(t, err, ErrSize)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = io.ReadAll(Reader(ctx, strings.NewReader("1"), 5))
	require.ErrorIs(t, err, context.Canceled)
}

func TestTheLayersOfAnImageShareALimit(t *testing.T) {
	img, err := mutate.AppendLayers(empty.Image, static.NewLayer([]byte("12345"), types.OCIUncompressedLayer), static.NewLayer([]byte("67890"), types.OCIUncompressedLayer))
	require.NoError(t, err)
	read := func(size int64) error {
		limited, err := Image(t.Context(), img, size)
		require.NoError(t, err)
		layers, err := limited.Layers()
		require.NoError(t, err)
		for _, l := range layers {
			r, err := l.Uncompressed()
			require.NoError(t, err)
			if _, err := io.Copy(io.Discard, r); err != nil {
				return err
			}
			require.NoError(t, r.Close())
		}
		return nil
	}
	require.NoError(t, read(10))
	require.ErrorIs(t, read(9), ErrSize)
}
