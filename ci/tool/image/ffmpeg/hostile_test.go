package ffmpeg_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/base"
	"lambdas.internal/ci/tool/image/ffmpeg"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/internal/testkit"
)

// bomb is a layer of a few megabytes that unpacks to a file of so many bytes. A gzip file may
// consist of many parts, so one part of zeros is packed once.
func bomb(t *testing.T, name string, size int64) v1.Layer {
	t.Helper()
	pack := func(content []byte) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	var header bytes.Buffer
	require.NoError(t, tar.NewWriter(&header).WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: size, Format: tar.FormatPAX}))
	const part = 64 << 20
	return static.NewLayer(slices.Concat(pack(header.Bytes()), bytes.Repeat(pack(make([]byte, part)), int(size/part)), pack(make([]byte, 1024))), types.OCILayer)
}

func imageOf(t *testing.T, layers ...v1.Layer) v1.Image {
	t.Helper()
	img, err := mutate.AppendLayers(mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1), layers...)
	require.NoError(t, err)
	config, err := img.ConfigFile()
	require.NoError(t, err)
	config.OS, config.Architecture = "linux", "amd64"
	img, err = mutate.ConfigFile(img, config)
	require.NoError(t, err)
	return img
}

func TestABombEnds(t *testing.T) {
	r, c := testkit.NewRegistry(t), testkit.Cache(t)
	chosen := choose(t, r, imageOf(t, bomb(t, "doc/large", 64<<30)))
	start := time.Now()

	_, _, err := ffmpeg.Get(t.Context(), c, chosen, nil, testkit.AMD64)

	require.ErrorContains(t, err, "get ffmpeg: read the image "+chosen.Reference+": ")
	require.ErrorContains(t, err, "more is unpacked than accepted: 2147483648 bytes")
	assert.Less(t, time.Since(start), time.Minute)
	testkit.NoLeftovers(t, c.Path())

	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	start = time.Now()
	_, _, err = ffmpeg.Get(ctx, c, chosen, nil, testkit.AMD64)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	assert.Less(t, time.Since(start), 3*time.Second, "an interrupt ends it")
}

// serve is a registry that has one manifest only.
func serve(t *testing.T, m v1.Manifest) (choice pin.Choice, requests *int) {
	t.Helper()
	m.SchemaVersion, m.MediaType = 2, types.OCIManifestSchema1
	raw, err := json.Marshal(m)
	require.NoError(t, err)
	requests = new(int)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/v2/":
		case strings.Contains(r.URL.Path, "/manifests/"):
			w.Header().Set("Content-Type", string(types.OCIManifestSchema1))
			w.Write(raw)
		default:
			*requests++
			http.NotFound(w, r)
		}
	}))
	t.Cleanup(s.Close)
	reference := strings.TrimPrefix(s.URL, "http://") + "/image:1"
	return pin.Choice{Name: reference, Reference: reference, Digest: testkit.Digest(string(raw)), Pin: image.Pinned}, requests
}

func TestManifestsThatNoImageHas(t *testing.T) {
	layers := func(count int, size int64) (all []v1.Descriptor) {
		for range count {
			all = append(all, v1.Descriptor{MediaType: types.OCILayer, Digest: testkit.Digest("layer"), Size: size})
		}
		return all
	}
	config := v1.Descriptor{MediaType: types.OCIConfigJSON, Digest: testkit.Digest("config"), Size: 6}
	large := config
	large.Size = 1 << 40
	for name, c := range map[string]struct {
		manifest v1.Manifest
		problem  string
	}{
		"10,000 layers":               {v1.Manifest{Config: config, Layers: layers(10_000, 100)}, "the image has 10000 layers; at most 127 are accepted"},
		"a layer of a terabyte":       {v1.Manifest{Config: config, Layers: layers(1, 1<<40)}, "the layers of the image have more than 10737418240 bytes"},
		"a configuration of the same": {v1.Manifest{Config: large, Layers: layers(1, 100)}, "the image's configuration has 1099511627776 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, requests := serve(t, c.manifest)
			start := time.Now()
			_, _, err := ffmpeg.Get(t.Context(), testkit.Cache(t), chosen, nil, testkit.AMD64)
			require.ErrorContains(t, err, c.problem)
			_, _, err = base.Get(t.Context(), testkit.Cache(t), chosen, testkit.AMD64)
			require.ErrorContains(t, err, c.problem)
			assert.Zero(t, *requests, "nothing is read of it")
			assert.Less(t, time.Since(start), 10*time.Second)
		})
	}
}
