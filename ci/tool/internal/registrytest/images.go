package registrytest

import (
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Functions returns five functions of all variants and registries.
func Functions() []catalog.Function {
	function := func(name string, v catalog.Variant, r catalog.Registry) catalog.Function {
		return catalog.Function{Folder: "functions/" + name, Image: name, Variant: v, Registry: r, Lambda: "The" + name, Reason: "a test"}
	}
	return []catalog.Function{
		function("api", catalog.Light, catalog.Private),
		function("enhance", catalog.Light, catalog.Public),
		function("select", catalog.Heavy, catalog.Private),
		function("thumb", catalog.Heavy, catalog.Public),
		function("video", catalog.Heavy, catalog.Public),
	}
}

// BaseDigest is the digest of the base in the labels of the images.
const BaseDigest = "sha256:0000000000000000000000000000000000000000000000000000000000000000"

// Layout writes tiny images of the functions to an image layout, and returns its folder.
// The binary of each image is binary, or the one in edited.
func Layout(t testing.TB, functions []catalog.Function, binary string, edited map[string]string, pin image.Pin, ffmpegFrom string) string {
	t.Helper()
	dir := t.TempDir()
	kept, err := cache.New(t.TempDir())
	require.NoError(t, err)
	put := func(comment, path, content string) layer.Layer {
		l, _, err := layer.Keep(kept, []layer.File{layer.Text(path, 0o755, content)}, comment)
		require.NoError(t, err)
		return l
	}
	platform := v1.Platform{OS: "linux", Architecture: "amd64"}
	bottom := put("base", "etc/base", "the base")
	ffmpeg := put(ffmpegFrom, image.FFmpegPath, "the programs")
	var all []v1.Descriptor
	for _, f := range functions {
		content, ok := edited[f.Image]
		if !ok {
			content = binary
		}
		described := image.Image{
			Function: f, Platform: platform,
			Base: image.Base{Name: "base", Digest: BaseDigest, Pin: pin, Layers: []layer.Layer{bottom}, Config: v1.ConfigFile{
				OS: platform.OS, Architecture: platform.Architecture,
				RootFS: v1.RootFS{Type: "layers", DiffIDs: []v1.Hash{bottom.DiffID}},
			}},
			Binary: put("binary", image.BootstrapPath, f.Image+" "+content),
		}
		if f.Variant == catalog.Heavy {
			described.FFmpeg = &ffmpeg
		}
		encoded, err := described.Encode()
		require.NoError(t, err)
		for _, blob := range [][]byte{encoded.Config, encoded.Manifest} {
			_, err := kept.PutBytes(blob)
			require.NoError(t, err)
		}
		all = append(all, encoded.Descriptor)
	}
	require.NoError(t, layout.Write(dir, all, kept, func(v1.Descriptor) bool { return false }))
	return dir
}
