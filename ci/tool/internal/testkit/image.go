package testkit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// AMD64 and ARM64 are the platforms of Lambda.
var (
	AMD64 = v1.Platform{OS: "linux", Architecture: "amd64"}
	ARM64 = v1.Platform{OS: "linux", Architecture: "arm64"}
)

// Cache returns an empty cache.
func Cache(t testing.TB) *cache.Cache {
	t.Helper()
	c, err := cache.New(t.TempDir())
	require.NoError(t, err)
	return c
}

// Digest returns the digest of text.
func Digest(text string) v1.Hash {
	sum := sha256.Sum256([]byte(text))
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

// Image describes an image on a base of one layer. Its blobs are stored nowhere.
func Image(name string, variant catalog.Variant, entrypoint ...string) image.Image {
	made := func(what string) layer.Layer {
		return layer.Layer{Digest: Digest(what), DiffID: Digest(what + " unpacked"), Size: int64(len(what)), Comment: what}
	}
	base := made("base")
	i := image.Image{
		Function: catalog.Function{Folder: "functions/" + name, Image: name, Variant: variant, Registry: catalog.Private, Lambda: "Ai" + name, Reason: "test"},
		Platform: AMD64,
		Base: image.Base{
			Name: "public.ecr.aws/lambda/provided:al2023", Digest: Digest("base index").String(), Pin: image.Pinned,
			Config: v1.ConfigFile{
				OS: "linux", Architecture: "amd64",
				Config: v1.Config{
					Entrypoint: entrypoint, Env: []string{"PATH=/bin"}, WorkingDir: "/var/task",
					Labels: map[string]string{"of": "the base"},
				},
				RootFS:  v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{base.DiffID}},
				History: []v1.History{{CreatedBy: "base"}},
			},
			Layers: []layer.Layer{base},
		},
		Binary: made("binary"),
	}
	if variant == catalog.Heavy {
		ffmpeg := made("npm ffmpeg@1, ffprobe@1")
		i.FFmpeg = &ffmpeg
	}
	return i
}

// Kept makes an image with one text file in each layer, puts its blobs into the cache, and
// returns its descriptor.
func Kept(t testing.TB, c *cache.Cache, name, content string) v1.Descriptor {
	t.Helper()
	i := Image(name, catalog.Heavy)
	keep := func(what string) layer.Layer {
		l, _, err := layer.Keep(c, []layer.File{layer.Text("file", 0o644, what)}, "")
		require.NoError(t, err)
		return l
	}
	ffmpeg := keep("ffmpeg")
	i.Base.Layers = []layer.Layer{keep("base")}
	i.Base.Config.RootFS.DiffIDs = []v1.Hash{i.Base.Layers[0].DiffID}
	i.FFmpeg, i.Binary = &ffmpeg, keep(fmt.Sprintf("binary of %s: %s", name, content))
	encoded, err := i.Encode()
	require.NoError(t, err)
	for _, blob := range [][]byte{encoded.Config, encoded.Manifest} {
		_, err := c.PutBytes(blob)
		require.NoError(t, err)
	}
	return encoded.Descriptor
}
