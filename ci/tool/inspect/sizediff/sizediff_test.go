package sizediff_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/internal/testkit"
)

// described returns an image of the layers, which are given by content and size.
func described(architecture string, labels map[string]string, layers ...any) *sizediff.Image {
	var m v1.Manifest
	for n := 0; n < len(layers); n += 2 {
		m.Layers = append(m.Layers, v1.Descriptor{Digest: testkit.Digest(layers[n].(string)), Size: int64(layers[n+1].(int))})
	}
	return sizediff.Describe(testkit.Digest(fmt.Sprint(architecture, labels, layers)), m,
		v1.ConfigFile{OS: "linux", Architecture: architecture, Config: v1.Config{Labels: labels}})
}

func with(i *sizediff.Image, b sizediff.Binary) *sizediff.Image {
	i.SetBinary(&b)
	return i
}

func labels(pin image.Pin, more ...string) map[string]string {
	l := map[string]string{image.LabelPin: string(pin), image.LabelBaseName: "example.test/base:1"}
	for n := 0; n < len(more); n += 2 {
		l[more[n]] = more[n+1]
	}
	return l
}

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

// report compares images that changed in every way.
func report(t *testing.T) *sizediff.Report {
	t.Helper()
	pinnedA, pinnedB := labels(image.Pinned, image.LabelBaseDigest, digestA), labels(image.Pinned, image.LabelBaseDigest, digestB)
	heavyA, heavyB := labels(image.Pinned, image.LabelBaseDigest, digestA, image.LabelFFmpeg, "ffmpeg@1"), labels(image.Offline, image.LabelFFmpeg, "ffmpeg@2")
	binary := func(size, code int64, toolchain string, packages map[string]int64, modules map[string]string) sizediff.Binary {
		return sizediff.Binary{Size: size, Code: code, Packages: packages, Toolchain: toolchain, Modules: modules}
	}
	var changes []*sizediff.Change
	for _, c := range []struct {
		name          string
		before, after *sizediff.Image
	}{
		{"api",
			with(described("amd64", pinnedA, "base", 40_000_000, "api 1", 4_000_000), binary(11_000_000, 5_000_000, "go1.26.7",
				map[string]int64{"main": 10_000, "net/http": 400_000, "a|b": 7, "gone": 1_500, "fmt": 20_000},
				map[string]string{"example.test/words": "v1.0.0", "example.test/gone": "v0.1.0", "example.test/same": "v1.2.3"})),
			with(described("amd64", pinnedB, "base 2", 40_100_000, "api 2", 4_500_000), binary(12_000_000, 5_400_000, "go1.26.8",
				map[string]int64{"main": 12_000, "net/http": 400_000, "a|b": 9, "html/template": 300_000, "fmt": 19_000},
				map[string]string{"example.test/words": "v1.1.0", "example.test/new_one": "v2.0.0", "example.test/same": "v1.2.3"}))},
		{"enhance",
			with(described("amd64", pinnedA, "base", 40_000_000, "enhance 1", 8_000_000), binary(25_000_000, 9_000_000, "go1.26.7", nil, map[string]string{"example.test/words": "v1.0.0"})),
			with(described("amd64", pinnedB, "base 2", 40_100_000, "enhance 2", 7_999_500), binary(25_000_000, 9_000_000, "go1.26.8", nil, map[string]string{"example.test/words": "v1.1.0"}))},
		{"gone", described("amd64", pinnedA, "base", 40_000_000, "gone", 1_000_000), nil},
		{"new", nil, described("amd64", pinnedA, "base 2", 40_100_000, "new", 1_000_000)},
		{"same", described("amd64", pinnedA, "base", 40_000_000, "same", 1_000_000), described("amd64", pinnedA, "base", 40_000_000, "same", 1_000_000)},
		{"select", described("amd64", heavyA, "base", 40_000_000, "ffmpeg", 120_000_000, "select 1", 9_000_000),
			described("amd64", heavyB, "static", 100_000, "ffmpeg 2", 55_000_000, "select 1", 9_000_000)},
	} {
		change, err := sizediff.Compare(c.name, c.before, c.after)
		require.NoError(t, err)
		changes = append(changes, change)
	}
	changes[5].Unknown = "it is no Go program"
	r := sizediff.NewReport("latest", "built now", changes)
	r.SetNewBlocks(map[string]int{"api": 24, "gone": 3, "new": 2, "same": 0})
	r.Seconds = 1.5
	return r
}

func TestTheReport(t *testing.T) {
	r := report(t)
	for name, print := range map[string]func(*bytes.Buffer) error{
		"table.golden":    func(b *bytes.Buffer) error { return r.Table(b, 2) },
		"all.golden":      func(b *bytes.Buffer) error { return r.Table(b, 100) },
		"sizes.golden":    func(b *bytes.Buffer) error { return r.Table(b, 0) },
		"markdown.golden": func(b *bytes.Buffer) error { return r.Markdown(b, 2) },
		"report.json":     func(b *bytes.Buffer) error { e := json.NewEncoder(b); e.SetIndent("", "  "); return e.Encode(r) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, print(&b))
			testkit.Golden(t, name, b.Bytes())
		})
	}
}

func TestNewLayersOfSeveralImagesCountOnce(t *testing.T) {
	r := report(t)

	// base 2, api 2, enhance 2, new, static, ffmpeg 2
	assert.EqualValues(t, 40_100_000+4_500_000+7_999_500+1_000_000+100_000+55_000_000, r.NewBytes)
	assert.EqualValues(t, 44_600_000, r.Changes[0].NewBytes)
	assert.EqualValues(t, -41_000_000, r.Changes[2].Grew)
	assert.EqualValues(t, 41_100_000, r.Changes[3].Grew)
	assert.Zero(t, r.Changes[4].NewBytes)
}

func TestNothingChanged(t *testing.T) {
	i := described("amd64", nil, "base", 100, "binary", 200)
	c, err := sizediff.Compare("api", i, i)
	require.NoError(t, err)
	assert.True(t, c.Same())

	var b bytes.Buffer
	require.NoError(t, sizediff.NewReport("a", "b", []*sizediff.Change{c}).Table(&b, 10))

	assert.Equal(t, "IMAGE  MB BEFORE  MB AFTER  CHANGE  NEW LAYERS, MB  NEW BLOCKS  BINARY, MB\napi    0.0        0.0       same\na -> b: the image for linux/amd64 is the same, 0.00 s\n", b.String())
}

func TestImagesThatCannotBeCompared(t *testing.T) {
	amd := described("amd64", nil, "a", 1)
	_, err := sizediff.Compare("api", amd, described("arm64", nil, "b", 1))
	require.EqualError(t, err, "compare api: one image is for linux/amd64, the other for linux/arm64; build with --platform linux/amd64")
	_, err = sizediff.Compare("api", nil, nil)
	require.EqualError(t, err, "compare api: the image is on neither side")
}

// Compares two real programs: the second has one more package and a new module version.
func TestRealPrograms(t *testing.T) {
	testkit.ServeModules(t)
	small := with(described("amd64", nil, "base", 1, "small", 2), *read(t, compile(t, before, "v1.0.0", stripped, "amd64")))
	large := with(described("amd64", nil, "base", 1, "large", 3), *read(t, compile(t, after, "v1.1.0", stripped, "amd64")))

	c, err := sizediff.Compare("api", small, large)

	require.NoError(t, err)
	assert.Equal(t, []sizediff.Version{{What: "example.test/words", Before: "v1.0.0", After: "v1.1.0"}}, c.Versions)
	grew := map[string]int64{}
	for n, p := range c.Packages {
		grew[p.Path] = p.Grew()
		assert.NotZero(t, p.Grew(), p.Path)
		if n > 0 {
			assert.LessOrEqual(t, p.Grew(), c.Packages[n-1].Grew(), "those that grew most are first")
		}
	}
	assert.Positive(t, grew["encoding/base32"])
	assert.Positive(t, grew["example.test/words"])
	assert.Positive(t, grew["main"])
}
