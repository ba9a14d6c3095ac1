package audit

import (
	"archive/tar"
	"bytes"
	"context"
	"debug/elf"
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// program returns the header of an ELF file, and the text of a client; the gate reads no more.
func program(t *testing.T, machine elf.Machine) []byte {
	t.Helper()
	return append(header(t, machine), "...AWS_LAMBDA_RUNTIME_API..."...)
}

func header(t *testing.T, machine elf.Machine) []byte {
	t.Helper()
	var b bytes.Buffer
	h := elf.Header64{Type: uint16(elf.ET_EXEC), Machine: uint16(machine), Version: 1, Ehsize: 64}
	copy(h.Ident[:], "\x7fELF\x02\x01\x01")
	require.NoError(t, binary.Write(&b, binary.LittleEndian, h))
	return b.Bytes()
}

// pack returns a layer with the entries.
func pack(t *testing.T, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, h := range headers {
		require.NoError(t, tw.WriteHeader(&h))
	}
	require.NoError(t, tw.Close())
	require.NoError(t, zw.Close())
	return b.Bytes()
}

var (
	folders   = []tar.Header{{Name: "var/", Typeflag: tar.TypeDir}, {Name: "./var/runtime/", Typeflag: tar.TypeDir}}
	bootstrap = tar.Header{Name: image.BootstrapPath, Typeflag: tar.TypeReg, Mode: 0o755}
)

// facts describes an image with one layer of the entries.
func facts(t *testing.T, layer []byte) ImageFacts {
	t.Helper()
	l, err := ReadLayer(t.Context(), bytes.NewReader(layer), limit.Unpacked)
	require.NoError(t, err)
	return ImageFacts{
		MediaType: types.OCIManifestSchema1,
		Manifest:  v1.Manifest{Layers: []v1.Descriptor{{MediaType: types.OCILayer, Digest: l.Digest}}},
		Config: v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{DiffIDs: []v1.Hash{l.DiffID}},
			Config: v1.Config{Labels: map[string]string{image.LabelPin: string(image.Offline)}}},
		Layers:    []LayerFacts{l},
		Bootstrap: program(t, elf.EM_X86_64),
	}
}

func TestLambda(t *testing.T) {
	good := pack(t, append(folders, bootstrap)...)
	with := func(h ...tar.Header) []byte { return pack(t, append(append(folders, bootstrap), h...)...) }
	unreadable := bootstrap
	unreadable.Mode = 0o744
	tests := map[string]struct {
		layer  []byte
		change func(*ImageFacts)
		want   string
	}{
		"good":              {good, func(*ImageFacts) {}, ""},
		"an index":          {good, func(i *ImageFacts) { i.MediaType = types.OCIImageIndex }, "Lambda accepts only a single image manifest"},
		"another system":    {good, func(i *ImageFacts) { i.Config.OS = "windows" }, "the image is for windows/amd64"},
		"another processor": {good, func(i *ImageFacts) { i.Config.Architecture = "riscv64" }, "the image is for linux/riscv64"},
		"the binary's own":  {good, func(i *ImageFacts) { i.Bootstrap = program(t, elf.EM_AARCH64) }, "is built for EM_AARCH64, but the image is for amd64"},
		"a script":          {good, func(i *ImageFacts) { i.Bootstrap = []byte("#!/bin/sh") }, "is not a Linux program"},
		"no client": {good, func(i *ImageFacts) { i.Bootstrap = header(t, elf.EM_X86_64) },
			"functions/a-lambda cannot receive events: its program has no client of Lambda's Runtime API; call lambda.Start of github.com/aws/aws-lambda-go (v1.18.0 or later) in main"},
		"a client with the address built in": {good, func(i *ImageFacts) {
			i.Bootstrap = append(header(t, elf.EM_X86_64), "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next"...)
		}, ""},
		"an extension as the client": {with(tar.Header{Name: "opt/", Typeflag: tar.TypeDir}, tar.Header{Name: "opt/extensions/", Typeflag: tar.TypeDir},
			tar.Header{Name: "opt/extensions/lambda-adapter", Typeflag: tar.TypeReg, Mode: 0o755}), func(i *ImageFacts) { i.Bootstrap = header(t, elf.EM_X86_64) }, ""},
		"a folder for extensions, but none": {with(tar.Header{Name: "opt/", Typeflag: tar.TypeDir}, tar.Header{Name: "opt/extensions/", Typeflag: tar.TypeDir}),
			func(i *ImageFacts) { i.Bootstrap = header(t, elf.EM_X86_64) }, "functions/a-lambda cannot receive events"},
		"zstd":                {good, func(i *ImageFacts) { i.Manifest.Layers[0].MediaType = types.OCILayerZStd }, "Lambda accepts only gzip"},
		"not gzip at all":     {[]byte("plain"), func(*ImageFacts) {}, "unexpected EOF"},
		"not a tar":           {gzipped(t, bytes.Repeat([]byte("x"), 1024)), func(*ImageFacts) {}, "not a gzip-compressed tar"},
		"cut short":           {good[:len(good)-9], func(*ImageFacts) {}, "EOF"},
		"other bytes":         {good, func(i *ImageFacts) { i.Manifest.Layers[0].Digest.Hex = "00" }, "the manifest says sha256:00"},
		"another content":     {good, func(i *ImageFacts) { i.Config.RootFS.DiffIDs[0].Hex = "00" }, "the configuration says sha256:00"},
		"a layer more":        {good, func(i *ImageFacts) { i.Config.RootFS.DiffIDs = nil }, "the manifest lists 1 layer, the configuration 0, but the image has 1"},
		"too large":           {good, func(i *ImageFacts) { i.Layers[0].Size = maxUnpacked + 1 }, "the layers have 10737418241 bytes unpacked"},
		"as large as allowed": {good, func(i *ImageFacts) { i.Layers[0].Size = maxUnpacked }, ""},
		"a hard link":         {with(tar.Header{Name: "var/link", Typeflag: tar.TypeLink, Linkname: image.BootstrapPath}), func(*ImageFacts) {}, "layer 1 has hard links, which Lambda does not accept: var/link"},
		"a folder missing":    {with(tar.Header{Name: "opt/a/b", Typeflag: tar.TypeReg}), func(*ImageFacts) {}, "layer 1 has no entry for the folder of: opt/a/b"},
		"no bootstrap":        {pack(t, folders...), func(*ImageFacts) {}, "/var/runtime/bootstrap is missing"},
		"not executable":      {pack(t, append(folders, unreadable)...), func(*ImageFacts) {}, "/var/runtime/bootstrap has mode 0744"},
		"a link for one":      {pack(t, append(folders, tar.Header{Name: image.BootstrapPath, Typeflag: tar.TypeSymlink, Linkname: "x", Mode: 0o777})...), func(*ImageFacts) {}, "is not a regular file"},
		"hard links of the base": {with(tar.Header{Name: "var/link", Typeflag: tar.TypeLink, Linkname: image.BootstrapPath}), func(i *ImageFacts) {
			// The first layer is that of AWS's base, the second one is ours.
			own := facts(t, good)
			i.Config.Config.Labels[image.LabelPin] = string(image.Pinned)
			i.Layers = append(i.Layers, own.Layers...)
			i.Manifest.Layers = append(i.Manifest.Layers, own.Manifest.Layers...)
			i.Config.RootFS.DiffIDs = append(i.Config.RootFS.DiffIDs, own.Config.RootFS.DiffIDs...)
		}, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			i := facts(t, test.layer)
			test.change(&i)
			c := CheckLambda(catalog.Function{Image: "a", Folder: "functions/a-lambda"}, i)
			if test.want == "" {
				assert.Empty(t, c.Findings)
				assert.True(t, c.Passed)
				return
			}
			assert.False(t, c.Passed)
			require.NotEmpty(t, c.Findings)
			assert.Contains(t, c.Findings[0], test.want)
		})
	}
}

func gzipped(t *testing.T, content []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	_, err := zw.Write(content)
	require.NoError(t, err)
	require.NoError(t, zw.Close())
	return b.Bytes()
}

func TestALayerThatCannotBeReadIsAnError(t *testing.T) {
	disk := errors.New("disk fault")
	_, err := ReadLayer(t.Context(), iotest.ErrReader(disk), limit.Unpacked)
	require.ErrorIs(t, err, disk)
	good := pack(t, append(folders, bootstrap)...)
	_, err = ReadLayer(t.Context(), iotest.TimeoutReader(iotest.OneByteReader(bytes.NewReader(good))), limit.Unpacked)
	assert.ErrorIs(t, err, iotest.ErrTimeout)
}

func TestALayerThatUnpacksWithoutEndEnds(t *testing.T) {
	bomb := gzipped(t, make([]byte, 1<<20))
	facts, err := ReadLayer(t.Context(), bytes.NewReader(bomb), 1<<19)
	require.NoError(t, err)
	assert.Contains(t, facts.Problem, "more is unpacked than accepted")
	none := func(string, []byte) error { return nil }
	large := packed(t, nil, regular("a", strings.Repeat("x", 1<<20)))
	require.ErrorContains(t, readFiles(t.Context(), bytes.NewReader(large), 1<<19, none), "more is unpacked than accepted")
	require.NoError(t, readFiles(t.Context(), bytes.NewReader(large), 1<<22, none))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, readFiles(ctx, bytes.NewReader(large), 1<<22, none))
	_, err = ReadLayer(ctx, bytes.NewReader(bomb), 1<<21)
	assert.ErrorIs(t, err, context.Canceled)
}
