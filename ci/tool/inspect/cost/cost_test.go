package cost

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// testPrices make a byte of private storage cost a dollar.
var testPrices = Prices{Date: "today", Private: Price{PerGBMonth: gb}, Public: Price{PerGBMonth: gb, FreeGB: 50}}

// model models images with a base of 400 bytes, ffmpeg of 1000, a configuration of 1000,
// and a binary of the size in sizes, or 10.
func model(t *testing.T, functions []catalog.Function, sizes map[string]int64, versions int) []Repository {
	t.Helper()
	images, variants := map[string]Image{}, map[string]catalog.Variant{}
	for _, f := range functions {
		layers := []v1.Descriptor{testkit.Layer("base", 400)}
		if f.Variant == catalog.Heavy {
			layers = append(layers, testkit.Layer("ffmpeg", 1000))
		}
		size := int64(10)
		if s, ok := sizes[f.Image]; ok {
			size = s
		}
		m := testkit.Manifest(append(layers, testkit.Layer(f.Image, size))...)
		i, err := ReadManifest(f.Image, f.Variant, testkit.Digest(f.Image+" manifest").String(), m)
		require.NoError(t, err)
		images[f.Image], variants[f.Image] = i, f.Variant
	}
	return Model(reference.Items(functions, reference.Hosts{}, ""), images, variants, versions)
}

func TestModelOfFiveFunctions(t *testing.T) {
	r := New(model(t, registrytest.Functions(), map[string]int64{"select": 30}, 5), testPrices)

	var got []string
	for _, repository := range r.Repositories {
		got = append(got, fmt.Sprintf("%s %s: %d bytes, %d whole, %d images, $%.0f",
			repository.Tier, repository.Name, repository.Bytes, repository.Whole, repository.Versions, repository.Dollars))
		for _, p := range repository.Parts {
			got = append(got, fmt.Sprintf("  %s of %s: %d × = %d, copy %t", p.Part, strings.Join(p.Images, "+"), p.Versions, p.Bytes, p.DeployCopy))
		}
	}
	assert.Equal(t, []string{
		"private lambda-private-light: 10500 bytes, 14100 whole, 10 images, $10500",
		"  base of api+enhance: 1 × = 400, copy false",
		"  binary of api: 5 × = 5050, copy false",
		"  binary of enhance: 5 × = 5050, copy true",
		"private lambda-private-heavy: 16650 bytes, 36250 whole, 15 images, $16650",
		"  base of select+thumb+video: 1 × = 400, copy false",
		"  ffmpeg of select+thumb+video: 1 × = 1000, copy false",
		"  binary of select: 5 × = 5150, copy false",
		"  binary of thumb: 5 × = 5050, copy true",
		"  binary of video: 5 × = 5050, copy true",
		"public lambda-light: 5450 bytes, 7050 whole, 5 images, $0",
		"  base of enhance: 1 × = 400, copy false",
		"  binary of enhance: 5 × = 5050, copy false",
		"public lambda-heavy: 11500 bytes, 24100 whole, 10 images, $0",
		"  base of thumb+video: 1 × = 400, copy false",
		"  ffmpeg of thumb+video: 1 × = 1000, copy false",
		"  binary of thumb: 5 × = 5050, copy false",
		"  binary of video: 5 × = 5050, copy false",
	}, got)

	got = nil
	for _, l := range r.Layouts {
		got = append(got, fmt.Sprintf("%s: %d + %d = $%.0f", l.Name, l.Private.Bytes, l.Public.Bytes, l.Dollars))
	}
	assert.Equal(t, []string{
		"as published: 27150 + 16950 = $27150",
		// api; base, ffmpeg and select
		"no deploy copies: 12000 + 16950 = $12000",
		"all private: 27150 + 0 = $27150",
		// one base less in each registry
		"one repository per registry: 26750 + 16550 = $26750",
		// five bases and three ffmpegs, where there were two and one
		"one repository per function: 30350 + 18350 = $30350",
		"nothing shared: 50350 + 31150 = $50350",
	}, got)
}

// Each region stores its own layers; the public repositories are the same for all.
func TestTwoRegions(t *testing.T) {
	one := model(t, registrytest.Functions(), map[string]int64{"select": 30}, 5)
	var both []Repository
	for _, region := range []string{"eu-central-1", "us-east-1"} {
		for _, r := range one {
			if r.Tier == catalog.Private {
				r.Region = region
			} else if region != "eu-central-1" {
				continue
			}
			both = append(both, r)
		}
	}

	r, alone := New(both, testPrices), New(one, testPrices)

	assert.Equal(t, 2*alone.Private.Bytes, r.Private.Bytes)
	assert.Equal(t, alone.Public, r.Public)
	for n, l := range r.Layouts {
		assert.Equal(t, 2*alone.Layouts[n].Private.Bytes, l.Private.Bytes, l.Name)
		assert.Equal(t, alone.Layouts[n].Public.Bytes, l.Public.Bytes, l.Name)
	}
	var titles []string
	for _, one := range r.Repositories {
		titles = append(titles, one.Title())
	}
	assert.Equal(t, []string{"eu-central-1 lambda-private-light", "us-east-1 lambda-private-light", "eu-central-1 lambda-private-heavy", "us-east-1 lambda-private-heavy", "lambda-light", "lambda-heavy"}, titles)
}

func TestLayers(t *testing.T) {
	r := New(model(t, registrytest.Functions()[2:4], nil, 3), testPrices)
	var got []string
	for _, l := range r.Repositories[0].Layers {
		got = append(got, fmt.Sprintf("%s %d × %d for %s, latest %t", l.Part, l.Versions, l.Size, strings.Join(l.Images, "+"), l.Latest))
	}
	assert.Equal(t, []string{
		"base 1 × 400 for select+thumb, latest true",
		"ffmpeg 1 × 1000 for select+thumb, latest true",
		"binary 3 × 10 for select, latest true",
		"binary 3 × 10 for thumb, latest true",
		"configuration 3 × 1000 for select, latest true",
		"configuration 3 × 1000 for thumb, latest true",
	}, got)
	assert.Equal(t, testkit.Digest("base").String(), r.Repositories[0].Layers[0].Digest)
}

// A repository can store what a model never has: two bases at once, one binary in two
// manifests, and images of others.
func TestWhatIsStored(t *testing.T) {
	read := func(name, digest string, latest bool, layers ...v1.Descriptor) Image {
		i, err := ReadManifest(name, catalog.Light, digest, testkit.Manifest(layers...))
		require.NoError(t, err)
		i.Latest = latest
		return i
	}
	old, young := testkit.Layer("old base", 300), testkit.Layer("young base", 500)
	r := New([]Repository{{Name: "r", Tier: catalog.Private, Variant: catalog.Light, Images: []Image{
		read("api", "1", false, old, testkit.Layer("api 1", 10)),
		read("api", "2", true, young, testkit.Layer("api 1", 10)),
		read("web", "3", true, old, testkit.Layer("web 1", 20)),
		ReadOther("(other)", Other, "4", testkit.Manifest(testkit.Layer("a note", 7))),
	}}}, testPrices)

	one := r.Repositories[0]
	assert.Equal(t, []Row{
		{Part: Base, Images: []string{"api", "web"}, Versions: 2, Bytes: 800},
		{Part: Binary, Images: []string{"api"}, Versions: 1, Bytes: 10 + 2*1000},
		{Part: Binary, Images: []string{"web"}, Versions: 1, Bytes: 20 + 1000},
		{Part: Other, Images: []string{"(other)"}, Versions: 1, Bytes: 1007},
	}, one.Parts)
	assert.Equal(t, int64(300+500+10+20+7+4*1000), one.Bytes)
	assert.Equal(t, int64(310+510+320+7+4*1000), one.Whole)
	assert.Equal(t, []string{"api", "web"}, one.Layers[0].Images)
	assert.Equal(t, []string{"api"}, one.Layers[1].Images)
	assert.False(t, slices.ContainsFunc(one.Layers, func(l Layer) bool { return l.Part == Other && l.Latest }))
}

func TestPrice(t *testing.T) {
	tests := map[string]struct {
		price Price
		bytes int64
		want  float64
	}{
		"nothing":                {Price{PerGBMonth: 0.1}, 0, 0},
		"a GB is 2^30 bytes":     {Price{PerGBMonth: 0.1}, 1 << 30, 0.1},
		"half of it":             {Price{PerGBMonth: 0.1}, 1 << 29, 0.05},
		"below the allowance":    {Price{PerGBMonth: 0.1, FreeGB: 50}, 50 << 30, 0},
		"a GB above it":          {Price{PerGBMonth: 0.1, FreeGB: 50}, 51 << 30, 0.1},
		"one that costs nothing": {Price{}, 1 << 40, 0},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) { assert.InDelta(t, c.want, c.price.month(c.bytes), 1e-9) })
	}
}

func TestThePricesOfTheProgram(t *testing.T) {
	p, err := ReadPrices()
	require.NoError(t, err)
	assert.Equal(t, Price{PerGBMonth: 0.10}, p.Private)
	assert.Equal(t, Price{PerGBMonth: 0.10, FreeGB: 50}, p.Public)
	assert.Regexp(t, `^20\d\d-\d\d$`, p.Date)
	assert.Equal(t, "https://aws.amazon.com/ecr/pricing/", p.Source)
}

func TestAPublicRepositoryPaysItsShareAboveTheAllowance(t *testing.T) {
	p := testPrices
	p.Public.FreeGB = 6950.0 / gb
	r := New(model(t, registrytest.Functions(), nil, 5), p)
	assert.InDelta(t, 10000, r.Public.Dollars, 1e-6)
	assert.InDelta(t, 10000*5450.0/16950, r.Repositories[2].Dollars, 1e-6)
	assert.InDelta(t, 10000*11500.0/16950, r.Repositories[3].Dollars, 1e-6)
	assert.InDelta(t, r.Private.Dollars+10000, r.Dollars, 1e-6)
}

func TestReadManifestOfTooFewLayers(t *testing.T) {
	for variant, layers := range map[catalog.Variant]int{catalog.Light: 2, catalog.Heavy: 3} {
		all := []v1.Descriptor{testkit.Layer("a", 1), testkit.Layer("b", 1), testkit.Layer("c", 1)}
		_, err := ReadManifest("api", variant, "", testkit.Manifest(all[:layers]...))
		require.NoError(t, err)
		_, err = ReadManifest("api", variant, "", testkit.Manifest(all[:layers-1]...))
		require.EqualError(t, err, fmt.Sprintf("image api has %d layers; a %s image has at least %d", layers-1, variant, layers))
	}
}

// TestArithmetic asserts what holds for any functions of any sizes.
func TestArithmetic(t *testing.T) {
	for seed := range uint64(200) {
		random := rand.New(rand.NewPCG(seed, 7))
		var functions []catalog.Function
		sizes := map[string]int64{}
		for n := range 1 + random.IntN(12) {
			f := registrytest.Functions()[random.IntN(5)]
			f.Image = fmt.Sprintf("%s%d", f.Image, n)
			sizes[f.Image] = random.Int64N(1 << 20)
			functions = append(functions, f)
		}
		versions := 1 + random.IntN(6)
		r := New(model(t, functions, sizes, versions), testPrices)

		var private, public, whole int64
		for _, repository := range r.Repositories {
			var layers, rows int64
			for _, l := range repository.Layers {
				layers += l.Size * int64(l.Versions)
			}
			for _, row := range repository.Parts {
				rows += row.Bytes
			}
			require.Equal(t, repository.Bytes, layers, "seed %d: layers add up", seed)
			require.Equal(t, repository.Bytes, rows, "seed %d: parts add up", seed)
			require.LessOrEqual(t, repository.Bytes, repository.Whole, "seed %d: sharing takes no more", seed)
			whole += repository.Whole
			if repository.Tier == catalog.Public {
				public += repository.Bytes
			} else {
				private += repository.Bytes
			}
		}
		sum := func(name string) (int64, int64) {
			n := slices.IndexFunc(r.Layouts, func(l Layout) bool { return l.Name == name })
			require.GreaterOrEqual(t, n, 0, name)
			return r.Layouts[n].Private.Bytes, r.Layouts[n].Public.Bytes
		}
		a, b := sum("as published")
		require.Equal(t, []int64{private, public}, []int64{a, b}, "seed %d", seed)
		withoutCopies, same := sum("no deploy copies")
		require.LessOrEqual(t, withoutCopies, a, "seed %d: copies take no less", seed)
		require.Equal(t, b, same, "seed %d", seed)
		allPrivate, none := sum("all private")
		require.Equal(t, []int64{a, 0}, []int64{allPrivate, none}, "seed %d: the copies are all that is private too", seed)
		for _, pair := range [][2]string{
			{"one repository per registry", "as published"}, {"as published", PerFunction}, {PerFunction, NothingShared},
		} {
			lessPrivate, lessPublic := sum(pair[0])
			morePrivate, morePublic := sum(pair[1])
			require.LessOrEqual(t, lessPrivate, morePrivate, "seed %d: %v", seed, pair)
			require.LessOrEqual(t, lessPublic, morePublic, "seed %d: %v", seed, pair)
		}
		a, b = sum(NothingShared)
		require.Equal(t, whole, a+b, "seed %d", seed)
	}
}

func TestJSON(t *testing.T) {
	r := New(model(t, registrytest.Functions()[1:3], nil, 2), testPrices)
	r.Source, r.Versions = "dist", 2
	var out bytes.Buffer
	require.NoError(t, report.JSON(&out, r))
	testkit.Golden(t, "report.json", out.Bytes())
}
