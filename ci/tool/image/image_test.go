package image_test

import (
	"bytes"
	"encoding/json"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// script is the entrypoint of AWS's base images.
const script = "/lambda-entrypoint.sh"

// indented returns JSON that is easy to compare.
func indented(t *testing.T, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, json.Indent(&b, data, "", "  "))
	b.WriteByte('\n')
	return b.Bytes()
}

func TestEncodeGolden(t *testing.T) {
	offline := func(i image.Image) image.Image {
		i.Base.Name, i.Base.Digest, i.Base.Pin = "static", "", image.Offline
		return i
	}
	for name, i := range map[string]image.Image{
		"light-aws":    testkit.Image("api", catalog.Light, script),
		"heavy-aws":    testkit.Image("thumb", catalog.Heavy, script),
		"light-static": offline(testkit.Image("api", catalog.Light)),
		"heavy-static": offline(testkit.Image("thumb", catalog.Heavy)),
	} {
		t.Run(name, func(t *testing.T) {
			encoded, err := i.Encode()

			require.NoError(t, err)
			testkit.Golden(t, name+".manifest.json", indented(t, encoded.Manifest))
			testkit.Golden(t, name+".config.json", indented(t, encoded.Config))
		})
	}
}

func TestEncodeFitsTogether(t *testing.T) {
	i := testkit.Image("thumb", catalog.Heavy, script)

	encoded, err := i.Encode()

	require.NoError(t, err)
	assert.Equal(t, testkit.Digest(string(encoded.Manifest)), encoded.Descriptor.Digest)
	assert.EqualValues(t, len(encoded.Manifest), encoded.Descriptor.Size)
	assert.Equal(t, map[string]string{image.AnnotationRefName: "thumb"}, encoded.Descriptor.Annotations)
	assert.Equal(t, &testkit.AMD64, encoded.Descriptor.Platform)
	manifest, err := v1.ParseManifest(bytes.NewReader(encoded.Manifest))
	require.NoError(t, err)
	assert.Equal(t, testkit.Digest(string(encoded.Config)), manifest.Config.Digest)
	require.Len(t, manifest.Layers, 3)
	for n, what := range []string{"base", "npm ffmpeg@1, ffprobe@1", "binary"} {
		assert.Equal(t, testkit.Digest(what), manifest.Layers[n].Digest)
	}
	config, err := v1.ParseConfigFile(bytes.NewReader(encoded.Config))
	require.NoError(t, err)
	assert.Len(t, config.RootFS.DiffIDs, 3)
	assert.Len(t, config.History, 3)
}

func TestTheCommand(t *testing.T) {
	for name, c := range map[string]struct {
		entrypoint, wantEntrypoint, wantCmd []string
	}{
		"on AWS's base":              {[]string{script}, []string{script}, []string{"bootstrap"}},
		"on a base without a script": {nil, []string{"/var/runtime/bootstrap"}, nil},
		"on a base with another one": {[]string{"/bin/sh", "-c"}, []string{"/var/runtime/bootstrap"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			i := testkit.Image("api", catalog.Light, c.entrypoint...)
			i.Base.Config.Config.Cmd = []string{"of the base"}

			encoded, err := i.Encode()

			require.NoError(t, err)
			config, err := v1.ParseConfigFile(bytes.NewReader(encoded.Config))
			require.NoError(t, err)
			assert.Equal(t, c.wantEntrypoint, config.Config.Entrypoint)
			assert.Equal(t, c.wantCmd, config.Config.Cmd)
			assert.Equal(t, []string{"PATH=/bin"}, config.Config.Env)
			assert.Equal(t, "the base", config.Config.Labels["of"])
		})
	}
}

func TestEncodeDoesNotChangeItsInput(t *testing.T) {
	i := testkit.Image("thumb", catalog.Heavy, script)
	want := testkit.Image("thumb", catalog.Heavy, script)
	// The slices have spare capacity, which an append would write to.
	i.Base.Config.RootFS.DiffIDs = append(make([]v1.Hash, 0, 9), i.Base.Config.RootFS.DiffIDs...)
	i.Base.Config.History = append(make([]v1.History, 0, 9), i.Base.Config.History...)
	i.Base.Layers = append(i.Base.Layers[:0:0], i.Base.Layers...)

	first, err := i.Encode()
	require.NoError(t, err)
	again, err := i.Encode()
	require.NoError(t, err)

	assert.Equal(t, first, again)
	assert.Equal(t, want, i)
	assert.Equal(t, v1.Hash{}, i.Base.Config.RootFS.DiffIDs[:2][1])
}

func TestTheImageHasOnlyTheNamesOfTheCatalog(t *testing.T) {
	i := testkit.Image("api", catalog.Light, script)
	want, err := i.Encode()
	require.NoError(t, err)

	i.Function.Reason, i.Function.Registry, i.Function.Folder = "another", catalog.Public, "functions/moved"
	got, err := i.Encode()

	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func TestEncodeRefuses(t *testing.T) {
	heavy := testkit.Image("x", catalog.Heavy)
	for name, c := range map[string]struct {
		change func(*image.Image)
		want   string
	}{
		"a heavy image without ffmpeg": {func(i *image.Image) { i.Function.Variant = catalog.Heavy },
			"the variant is heavy, but there is no ffmpeg layer"},
		"a light image with ffmpeg": {func(i *image.Image) { i.FFmpeg = heavy.FFmpeg },
			"the variant is light, but there is an ffmpeg layer"},
		"a base for another architecture": {func(i *image.Image) { i.Platform = testkit.ARM64 },
			"the base public.ecr.aws/lambda/provided:al2023 is for linux/amd64, not linux/arm64"},
		"a base for another system": {func(i *image.Image) { i.Base.Config.OS = "windows" },
			"the base public.ecr.aws/lambda/provided:al2023 is for windows/amd64, not linux/amd64"},
		"a base whose configuration does not fit": {func(i *image.Image) { i.Base.Layers = nil },
			"the base public.ecr.aws/lambda/provided:al2023 has 0 layers, but its configuration lists 1"},
	} {
		t.Run(name, func(t *testing.T) {
			i := testkit.Image("api", catalog.Light)
			c.change(&i)

			_, err := i.Encode()

			require.EqualError(t, err, "describe image api: "+c.want)
		})
	}
}

func TestKinds(t *testing.T) {
	heavy := map[string]string{image.LabelFFmpeg: "npm ffmpeg@1"}
	for name, c := range map[string]struct {
		layers int
		labels map[string]string
		want   []image.Kind
	}{
		"none":              {0, nil, []image.Kind{}},
		"the binary alone":  {1, nil, []image.Kind{image.KindBinary}},
		"light":             {2, nil, []image.Kind{image.KindBase, image.KindBinary}},
		"light, AWS's base": {4, nil, []image.Kind{image.KindBase, image.KindBase, image.KindBase, image.KindBinary}},
		"heavy":             {3, heavy, []image.Kind{image.KindBase, image.KindFFmpeg, image.KindBinary}},
		"heavy, AWS's base": {4, heavy, []image.Kind{image.KindBase, image.KindBase, image.KindFFmpeg, image.KindBinary}},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, c.want, image.Kinds(c.layers, c.labels)) })
	}
}

// Labels of a base cannot pose as those of the image.
func TestTheLabelsOfTheBase(t *testing.T) {
	i := testkit.Image("api", catalog.Light)
	i.Base.Digest = ""
	i.Base.Config.Config.Labels = map[string]string{
		"of": "the base", image.LabelFFmpeg: "forged", image.LabelBaseDigest: "forged", image.LabelPin: "forged",
		image.LabelImage: "forged", image.LabelVariant: "forged", image.LabelBaseName: "forged",
		"org.opencontainers.image.title": "forged", "internal.lambdas.other": "forged",
	}
	e, err := i.Encode()
	require.NoError(t, err)
	assert.NotContains(t, string(e.Config), "forged")
	assert.Contains(t, string(e.Config), `"of":"the base"`)
}
