package picture

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const mb = 1_000_000

func prices(t *testing.T) cost.Prices {
	t.Helper()
	p, err := cost.ReadPrices()
	require.NoError(t, err)
	return p
}

// modelled returns a report on functions whose images are as large as in AWS.
func modelled(t *testing.T, functions []catalog.Function, versions int) *cost.Report {
	t.Helper()
	images, variants := map[string]cost.Image{}, map[string]catalog.Variant{}
	for n, f := range functions {
		layers := []v1.Descriptor{testkit.Layer("base", 40*mb)}
		if f.Variant == catalog.Heavy {
			layers = append(layers, testkit.Layer("ffmpeg", 55*mb))
		}
		m := testkit.Manifest(append(layers, testkit.Layer(f.Image, int64(4+n)*mb))...)
		i, err := cost.ReadManifest(f.Image, f.Variant, testkit.Digest(f.Image+" manifest").String(), m)
		require.NoError(t, err)
		images[f.Image], variants[f.Image] = i, f.Variant
	}
	r := cost.New(cost.Model(reference.Items(functions, reference.Hosts{}, ""), images, variants, versions), prices(t))
	r.Source, r.Versions = "dist", versions
	return r
}

// stored returns a report on repositories as they may be after years: two bases of several
// layers, which neighbours do not share; a very long name; an image larger than all
// others; something that is not an image.
func stored(t *testing.T) *cost.Report {
	t.Helper()
	old := []v1.Descriptor{testkit.Layer("old base", 38*mb), testkit.Layer("old certificates", mb/10)}
	young := []v1.Descriptor{testkit.Layer("young base", 40*mb), testkit.Layer("young certificates", mb/10), testkit.Layer("young emulator", 2*mb)}
	ffmpeg := testkit.Layer("ffmpeg", 60*mb)
	var all []cost.Image
	add := func(name string, latest, deployCopy bool, base []v1.Descriptor, binary int64) {
		layers := append(append([]v1.Descriptor{}, base...), ffmpeg, testkit.Layer(fmt.Sprint(name, binary), binary))
		i, err := cost.ReadManifest(name, catalog.Heavy, fmt.Sprint(name, binary), testkit.Manifest(layers...))
		require.NoError(t, err)
		i.Latest, i.DeployCopy = latest, deployCopy
		all = append(all, i)
	}
	add("alpha", true, false, young, 5*mb)
	add("alpha", false, false, old, 4*mb)
	add("beta", true, true, young, 30*mb)
	add("gamma-is-a-function-whose-name-has-no-end", true, false, old, mb/2)
	all = append(all, cost.ReadOther("(other)", cost.Other, "1", testkit.Manifest(testkit.Layer("a note", 3*mb))))
	return cost.New([]cost.Repository{
		{Name: "lambda-private-heavy", Tier: catalog.Private, Variant: catalog.Heavy, Images: all},
		{Name: "lambda-light", Tier: catalog.Public, Variant: catalog.Light},
	}, prices(t))
}

// many returns more functions than fit into a label.
func many() []catalog.Function {
	var all []catalog.Function
	for n := range 14 {
		f := registrytest.Functions()[3]
		f.Image = fmt.Sprintf("function-%02d", n)
		all = append(all, f)
	}
	return all
}

var reports = map[string]func(*testing.T) *cost.Report{
	"five":   func(t *testing.T) *cost.Report { return modelled(t, registrytest.Functions(), 5) },
	"one":    func(t *testing.T) *cost.Report { return modelled(t, registrytest.Functions()[:1], 1) },
	"many":   func(t *testing.T) *cost.Report { return modelled(t, many(), 5) },
	"stored": stored,
}

func TestLayers(t *testing.T) {
	for name, report := range reports {
		t.Run(name, func(t *testing.T) {
			drawn, err := Layers(report(t))
			require.NoError(t, err)
			testkit.Golden(t, name+".svg", drawn)
			again, err := Layers(report(t))
			require.NoError(t, err)
			assert.Equal(t, string(drawn), string(again))
		})
	}
}

// shape is an element of the parsed picture.
type shape struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Inside  []shape    `xml:",any"`
}

func (s shape) attr(name string) string {
	for _, a := range s.Attrs {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}

func (s shape) number(t *testing.T, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(s.attr(name), 64)
	require.NoError(t, err, name)
	return v
}

func (s shape) all(name string) []shape {
	var found []shape
	if s.XMLName.Local == name {
		found = append(found, s)
	}
	for _, i := range s.Inside {
		found = append(found, i.all(name)...)
	}
	return found
}

func parsed(t *testing.T, r *cost.Report) shape {
	t.Helper()
	drawn, err := Layers(r)
	require.NoError(t, err)
	var s shape
	require.NoError(t, xml.Unmarshal(drawn, &s))
	return s
}

// Below the legend, each part is drawn as wide as it is large.
func TestWidthsAreTrueToSizeAndNothingIsDrawnTwice(t *testing.T) {
	for _, name := range []string{"five", "many", "one"} {
		t.Run(name, func(t *testing.T) {
			r := reports[name](t)
			want := map[string]float64{} // in MB
			for _, repository := range r.Repositories {
				for _, l := range repository.Layers {
					switch {
					case l.Part == cost.Binary:
						want["binary"] += float64(l.Size) / mb
						want["older"] += float64(l.Size*int64(l.Versions-1)) / mb
					case l.Part != cost.Config:
						want[string(l.Part)] += float64(l.Size) / mb
					}
				}
			}
			got := map[string]float64{} // in pixels
			for _, rect := range parsed(t, r).all("rect") {
				if class := rect.attr("class"); want[class] > 0 && rect.number(t, "y") > 100 {
					got[class] += rect.number(t, "width")
				}
			}
			pixels := got["base"] / want["base"]
			for class, width := range want {
				if width > 0 {
					assert.InEpsilon(t, width*pixels, got[class], 0.005, class)
				}
			}
		})
	}
}

func TestNothingIsOutsideThePicture(t *testing.T) {
	for name, report := range reports {
		t.Run(name, func(t *testing.T) {
			s := parsed(t, report(t))
			w, h := s.number(t, "width"), s.number(t, "height")
			assert.Equal(t, fmt.Sprintf("0 0 %s %s", s.attr("width"), s.attr("height")), s.attr("viewBox"))
			shapes := 0
			for _, g := range s.all("g") {
				for _, rect := range g.all("rect") {
					shapes++
					assert.LessOrEqual(t, rect.number(t, "x")+rect.number(t, "width"), w-margin+0.1)
					assert.LessOrEqual(t, rect.number(t, "y")+rect.number(t, "height"), h)
				}
				for _, label := range g.all("text") {
					shapes++
					size := textSize
					if strings.Contains(label.attr("class"), "small") {
						size = 12
					}
					left, long := label.number(t, "x"), wide(label.Text, size)
					switch label.attr("text-anchor") {
					case "end":
						left -= long
					case "middle":
						left -= long / 2
					}
					assert.GreaterOrEqual(t, left, margin-0.1, label.Text)
					assert.LessOrEqual(t, left+long, w, label.Text)
					assert.LessOrEqual(t, label.number(t, "y"), h)
				}
			}
			assert.Greater(t, shapes, 10)
		})
	}
}

// The picture has a description for people who cannot see it.
func TestTheDescription(t *testing.T) {
	s := parsed(t, reports["five"](t))
	assert.Equal(t, "img", s.attr("role"))
	ids := map[string]string{}
	for _, i := range s.Inside {
		ids[i.attr("id")] = i.Text
	}
	for _, id := range strings.Fields(s.attr("aria-labelledby")) {
		assert.NotEmpty(t, ids[id], id)
	}
	assert.Contains(t, ids["desc"], "lambda-private-heavy, private: 200.0 MB. base 40.0 MB for select, thumb, video; ffmpeg 55.0 MB for select, thumb, video; "+
		"binary 30.0 MB for select in 5 versions; ")
}

// Each class that is used has a light and a dark colour.
func TestTheStyle(t *testing.T) {
	light, dark, ok := strings.Cut(style, "@media (prefers-color-scheme: dark)")
	require.True(t, ok)
	used := map[string]bool{}
	for _, report := range reports {
		s := parsed(t, report(t))
		for _, name := range []string{"rect", "path", "text"} {
			for _, e := range s.all(name) {
				for _, class := range strings.Fields(e.attr("class")) {
					used[class] = true
				}
			}
		}
	}
	assert.Greater(t, len(used), 12)
	for class := range used {
		coloured := regexp.MustCompile(`(?m)^\.` + class + ` \{ .*(fill|stroke): #`)
		switch class {
		case "title", "name", "small": // they have the colour of all text
		case "copied": // a pattern; its lines have a colour
		default:
			assert.Regexp(t, coloured, light, class)
			assert.Regexp(t, coloured, dark, class)
		}
	}
	assert.NotContains(t, style, "<")
	assert.NotContains(t, style, "&")
}

func TestMeasure(t *testing.T) {
	for perByte, want := range map[float64]string{
		5.6 / mb: "10 MB", 2.0 / mb: "50 MB", 0.7 / mb: "100 MB", 11.0 / mb: "5 MB", 60.0 / mb: "1 MB",
	} {
		length, label := measure(perByte)
		assert.Equal(t, want, label)
		assert.LessOrEqual(t, length, 100.0)
		assert.Greater(t, length, 20.0)
	}
}
