package sbom

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/testkit"
)

func made(name string, labels map[string]string, kinds ...image.Kind) composition.Image {
	i := composition.Image{
		Name: name, Labels: labels, Platform: testkit.AMD64,
		Subject: v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: testkit.Digest(name), Size: 100},
	}
	for _, k := range kinds {
		i.Layers = append(i.Layers, composition.Layer{Kind: k, Digest: testkit.Digest(string(k)), DiffID: testkit.Digest(string(k) + " unpacked"), Size: 10})
	}
	return i
}

func pinned(more map[string]string) map[string]string {
	labels := map[string]string{
		image.LabelVariant: "heavy", image.LabelPin: string(image.Pinned),
		image.LabelBaseName: "public.ecr.aws/lambda/provided:al2023", image.LabelBaseDigest: testkit.Digest("base index").String(),
	}
	for name, value := range more {
		labels[name] = value
	}
	return labels
}

func program() composition.Program {
	return composition.Program{SHA256: testkit.Digest("program").Hex, Size: 3, Info: &debug.BuildInfo{
		GoVersion: "go1.26.8", Path: "lambdas.internal/functions/thumbnail-lambda",
		Main: debug.Module{Path: "lambdas.internal/functions/thumbnail-lambda", Version: "(devel)"},
		Deps: []*debug.Module{
			{Path: "github.com/BurntSushi/toml", Version: "v1.5.0", Sum: "h1:W5quZX/G/csjUnuI8SUYlsHs9M38FC7znL0lIO+DvMg="},
			{Path: "example.org/replaced", Version: "v1.0.0", Replace: &debug.Module{Path: "example.org/fork", Version: "v1.0.1", Sum: "h1:W5quZX/G/csjUnuI8SUYlsHs9M38FC7znL0lIO+DvMg="}},
			{Path: "lambdas.internal/shared", Version: "(devel)"},
		},
		Settings: []debug.BuildSetting{{Key: "-trimpath", Value: "true"}, {Key: "GOOS", Value: "linux"}},
	}}
}

func TestNew(t *testing.T) {
	tests := map[string]composition.Image{
		"light-offline": made("api", map[string]string{image.LabelVariant: "light", image.LabelBaseName: "static", image.LabelPin: string(image.Offline)},
			image.KindBase, image.KindBinary),
		"heavy-npm": made("thumb", pinned(map[string]string{image.LabelFFmpeg: "npm @ffmpeg-installer/linux-x64@4.1.0, @ffprobe-installer/linux-x64@5.2.0"}),
			image.KindBase, image.KindFFmpeg, image.KindBinary),
		"heavy-image": made("thumb", pinned(map[string]string{image.LabelFFmpeg: "docker.io/mwader/static-ffmpeg:7.1.1@" + testkit.Digest("ffmpeg index").String()}),
			image.KindBase, image.KindFFmpeg, image.KindBinary),
		"heavy-unknown": made("thumb", pinned(map[string]string{image.LabelFFmpeg: "localhost:5000/ffmpeg:mine@" + testkit.Digest("ffmpeg index").String()}),
			image.KindBase, image.KindFFmpeg, image.KindBinary),
	}
	schema := schema(t)
	for name, i := range tests {
		t.Run(name, func(t *testing.T) {
			document, err := New(i, program())
			require.NoError(t, err)
			testkit.Golden(t, name+".cdx.json", document)

			value, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
			require.NoError(t, err)
			require.NoError(t, schema.Validate(value), "valid by the schema of the format")
			again, err := New(i, program())
			require.NoError(t, err)
			assert.Equal(t, string(document), string(again))
			bom, err := Read(document)
			require.NoError(t, err)
			assert.Equal(t, i.Name, bom.Metadata.Component.Name)
		})
	}
}

// schema returns the JSON schema of CycloneDX. The library has a copy.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/CycloneDX/cyclonedx-go").Output()
	require.NoError(t, err)
	dir := filepath.Join(strings.TrimSpace(string(out)), "schema")
	c := jsonschema.NewCompiler()
	for file, name := range map[string]string{
		"bom-1.6.schema.json": "", "spdx.schema.json": "", "jsf-0.82.schemax.json": "jsf-0.82.schema.json",
	} {
		f, err := os.Open(filepath.Join(dir, file))
		require.NoError(t, err)
		content, err := jsonschema.UnmarshalJSON(f)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		if name == "" {
			name = file
		}
		require.NoError(t, c.AddResource("http://cyclonedx.org/schema/"+path.Base(name), content))
	}
	s, err := c.Compile("http://cyclonedx.org/schema/bom-1.6.schema.json")
	require.NoError(t, err)
	return s
}

func TestTheSchemaRefuses(t *testing.T) {
	document, err := New(made("api", pinned(nil), image.KindBase, image.KindBinary), program())
	require.NoError(t, err)
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(strings.Replace(string(document), `"SHA-256"`, `"SHA-257"`, 1)))
	require.NoError(t, err)
	require.Error(t, schema(t).Validate(value))
}

func TestAnotherImageHasAnotherSerialNumber(t *testing.T) {
	numbers := map[string]bool{}
	for _, name := range []string{"api", "thumb", "video"} {
		document, err := New(made(name, pinned(nil), image.KindBase, image.KindBinary), program())
		require.NoError(t, err)
		bom, err := Read(document)
		require.NoError(t, err)
		numbers[bom.SerialNumber] = true
	}
	assert.Len(t, numbers, 3)
}

func TestWithoutModulesThereIsNoDocument(t *testing.T) {
	_, err := New(made("api", pinned(nil), image.KindBase, image.KindBinary), composition.Program{})
	require.EqualError(t, err, "write the SBOM of api: the binary has no list of its Go modules")
	_, err = Read([]byte("{"))
	require.ErrorContains(t, err, "read the SBOM: ")
	_, err = Read([]byte("{}"))
	require.ErrorContains(t, err, "read the SBOM: ")
}
