package verify

import (
	"bytes"
	"maps"
	"runtime/debug"
	"slices"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const commit = "abc1234"

// world is a registry with the images of a layout.
type world struct {
	registry *registrytest.Registry
	client   *registry.Client
	items    []reference.Item
}

func newWorld(t *testing.T, dir string) world {
	t.Helper()
	r := registrytest.New(t)
	w := world{r, registry.NewClient(registry.Options{}), reference.Items(registrytest.Functions(), reference.Hosts{Private: r.Host, Public: r.Host + "/alias"}, commit)}
	w.put(t, dir, w.items)
	return w
}

// put publishes the images of the layout as the items.
func (w world) put(t *testing.T, dir string, items []reference.Item) {
	t.Helper()
	images := read(t, dir)
	publisher := publish.NewPublisher(w.client, 0)
	state, err := publisher.Inspect(t.Context(), items, images)
	require.NoError(t, err)
	plan, err := publish.NewPlan(items, images, state, true)
	require.NoError(t, err)
	_, err = publisher.Run(t.Context(), plan, images)
	require.NoError(t, err)
}

// of returns the items of an image: the deploy copies or the others.
func (w world) of(name string, deployCopy bool) []reference.Item {
	return slices.DeleteFunc(slices.Clone(w.items), func(i reference.Item) bool { return i.Image != name || i.DeployCopy != deployCopy })
}

func read(t *testing.T, dir string) map[string]publish.Image {
	t.Helper()
	images, err := publish.ReadImages(dir, registrytest.Functions(), nil)
	require.NoError(t, err)
	return images
}

func layout(t *testing.T, edited map[string]string, pin image.Pin, ffmpeg string) string {
	t.Helper()
	return registrytest.Layout(t, registrytest.Functions(), "one", edited, pin, ffmpeg)
}

func TestCheck(t *testing.T) {
	original := layout(t, nil, image.Offline, "npm a@1")
	const stranger = "layer 3 (binary): the published binary is not a Go program, or has no build information"
	tests := map[string]struct {
		change func(t *testing.T, w world)
		want   map[string][]string // the differences by repository and image
	}{
		"nothing": {func(*testing.T, world) {}, map[string][]string{}},
		"a changed binary": {func(t *testing.T, w world) {
			w.put(t, layout(t, map[string]string{"select": "two"}, image.Offline, "npm a@1"), w.of("select", false))
		}, map[string][]string{"lambda-private-heavy select": {stranger}}},
		"another ffmpeg": {func(t *testing.T, w world) {
			w.put(t, layout(t, nil, image.Offline, "npm a@2"), w.of("select", false))
		}, map[string][]string{"lambda-private-heavy select": {"layer 2 (ffmpeg): published npm a@2, rebuilt npm a@1"}}},
		"another base, of which only the name differs": {func(t *testing.T, w world) {
			w.put(t, layout(t, nil, image.Pinned, "npm a@1"), w.of("api", false))
		}, map[string][]string{"lambda-private-light api": {"configuration: label internal.lambdas.base.pin: published pinned, rebuilt offline"}}},
		"a missing tag": {func(t *testing.T, w world) {
			for _, i := range w.of("api", false) {
				require.NoError(t, w.client.Untag(t.Context(), i.Repository, i.CommitTag))
			}
		}, map[string][]string{"lambda-private-light api": {"missing"}}},
		"a deploy copy of something else": {func(t *testing.T, w world) {
			w.put(t, layout(t, map[string]string{"thumb": "two"}, image.Offline, "npm a@1"), w.of("thumb", true))
		}, map[string][]string{"lambda-private-heavy thumb": {stranger, "deploy copy: the original image is THUMB"}}},
		"a public image that is not what is deployed": {func(t *testing.T, w world) {
			w.put(t, layout(t, map[string]string{"thumb": "two"}, image.Offline, "npm a@1"), w.of("thumb", false))
		}, map[string][]string{
			"alias/lambda-heavy thumb":   {stranger},
			"lambda-private-heavy thumb": {"deploy copy: the original image is THUMB"},
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, original)
			test.change(t, w)

			places, err := Check(t.Context(), w.client, w.items, read(t, original))
			require.NoError(t, err)
			require.Len(t, places, len(w.items))
			got := map[string][]string{}
			publicThumb := ""
			for _, place := range places {
				if place.Image == "thumb" && place.Tier == catalog.Public {
					publicThumb = place.Published
				}
				key := place.Repository[len(w.registry.Host)+1:] + " " + place.Image
				switch place.Verdict {
				case Missing:
					got[key] = []string{"missing"}
				case Differs:
					require.NotEmpty(t, place.Differences, "the differences are listed")
					for _, d := range place.Differences {
						text := d.String()
						if d.What == "deploy copy" {
							assert.Contains(t, text, publicThumb)
							text = "deploy copy: the original image is THUMB"
						}
						got[key] = append(got[key], text)
					}
				default:
					assert.Equal(t, place.Layers, place.SameLayers)
					assert.Equal(t, place.Rebuilt, place.Published)
				}
			}
			assert.Equal(t, test.want, got)
			report := Report{Commit: commit, Places: places}
			if len(test.want) == 0 {
				require.NoError(t, report.Err())
			} else {
				require.ErrorContains(t, report.Err(), "verify commit abc1234: ")
			}
		})
	}
	require.EqualError(t, (&Report{}).Err(), "verify: no image was compared")
}

// What was published for another platform differs in everything; the platform is said first.
func TestAnotherPlatform(t *testing.T) {
	arm := Side{Image: composition.Image{Platform: v1.Platform{OS: "linux", Architecture: "arm64"}}}
	amd := Side{Image: composition.Image{Platform: v1.Platform{OS: "linux", Architecture: "amd64"}}}
	differences, err := Compare(arm, amd)
	require.NoError(t, err)
	require.NotEmpty(t, differences)
	assert.Equal(t, "configuration: platform: published linux/arm64, rebuilt linux/amd64; pass --platform linux/arm64", differences[0].String())

	place := func(name, published string) Place {
		return Place{Item: reference.Item{Image: name}, Verdict: Differs, Published: "sha256:a", PublishedFor: published, Rebuilt: "sha256:b", Platform: "linux/amd64"}
	}
	r := Report{Commit: commit, Places: []Place{place("api", "linux/arm64"), place("enhance", "unknown"), place("thumb", "linux/amd64")}}
	var out bytes.Buffer
	require.NoError(t, r.Table(&out))
	assert.Regexp(t, `(?m)^api .* sha256:a for linux/arm64 +sha256:b$`, out.String())
	assert.Regexp(t, `(?m)^enhance .* sha256:a for an unknown platform +sha256:b$`, out.String())
	assert.Regexp(t, `(?m)^thumb .* sha256:a +sha256:b$`, out.String())
	assert.Contains(t, out.String(), "\n0 of 3 images in the registries equal the images that commit abc1234 builds for linux/amd64, ")
}

func info(change func(*debug.BuildInfo)) composition.Program {
	i := &debug.BuildInfo{
		GoVersion: "go1.26.8", Path: "lambdas.internal/functions/thumb",
		Deps:     []*debug.Module{{Path: "example.org/a", Version: "v1.0.0"}, {Path: "example.org/b", Version: "v1.0.0"}},
		Settings: []debug.BuildSetting{{Key: "GOAMD64", Value: "v1"}, {Key: "-trimpath", Value: "true"}},
	}
	change(i)
	return composition.Program{SHA256: "published", Info: i}
}

func TestPrograms(t *testing.T) {
	rebuilt := info(func(*debug.BuildInfo) {})
	rebuilt.SHA256 = "rebuilt"
	tests := map[string]struct {
		published composition.Program
		want      []string
	}{
		"the same":        {rebuilt, []string{"the binary is the same, other files or their modes differ"}},
		"only the code":   {info(func(*debug.BuildInfo) {}), []string{"the code differs; Go, modules and settings are the same"}},
		"another Go":      {info(func(i *debug.BuildInfo) { i.GoVersion = "go1.26.7" }), []string{"Go: published go1.26.7, rebuilt go1.26.8"}},
		"another setting": {info(func(i *debug.BuildInfo) { i.Settings[0].Value = "v3" }), []string{"setting GOAMD64: published v3, rebuilt v1"}},
		"no such setting": {info(func(i *debug.BuildInfo) { i.Settings = i.Settings[:1] }), []string{"setting -trimpath: published nothing, rebuilt true"}},
		"another program": {info(func(i *debug.BuildInfo) { i.Path = "lambdas.internal/functions/video" }), []string{"program: published lambdas.internal/functions/video, rebuilt lambdas.internal/functions/thumb"}},
		"modules": {info(func(i *debug.BuildInfo) {
			i.Deps = []*debug.Module{{Path: "example.org/a", Version: "v1.1.0"}, {Path: "example.org/c", Version: "v2.0.0", Replace: &debug.Module{Path: "example.org/fork", Version: "v2.1.0"}}}
		}), []string{
			"module example.org/a: published v1.1.0, rebuilt v1.0.0", "module example.org/b: published nothing, rebuilt v1.0.0",
			"module example.org/c: published v2.0.0 => example.org/fork v2.1.0, rebuilt nothing",
		}},
		"no Go program": {composition.Program{SHA256: "x"}, []string{"the published binary is not a Go program, or has no build information"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, Programs(test.published, rebuilt)) })
	}
}

func TestCompareTheBase(t *testing.T) {
	side := func(digest, content, packing string) Side {
		labels := map[string]string{image.LabelBaseName: "aws:al2023", image.LabelBaseDigest: digest, image.LabelPin: "pinned"}
		i := composition.Image{Labels: maps.Clone(labels)}
		for n, kind := range []image.Kind{image.KindBase, image.KindBase, image.KindBinary} {
			l := composition.Layer{Kind: kind}
			l.Digest.Hex, l.DiffID.Hex = "same", "same"
			if n == 1 {
				l.Digest.Hex, l.DiffID.Hex = content+packing, content
			}
			i.Layers = append(i.Layers, l)
		}
		return Side{Image: i}
	}
	tests := map[string]struct {
		published, rebuilt Side
		want               []string
	}{
		"another digest":       {side("sha256:1", "x", ""), side("sha256:2", "y", ""), []string{"layer 2 (base): published aws:al2023@sha256:1 (pinned), rebuilt aws:al2023@sha256:2 (pinned)"}},
		"the same by its name": {side("sha256:1", "x", ""), side("sha256:1", "y", ""), []string{"layer 2 (base): different content, although both are from aws:al2023@sha256:1 (pinned)"}},
		"another compressor":   {side("sha256:1", "x", ""), side("sha256:1", "x", "zstd"), []string{"layer 2 (base): the same files, compressed differently"}},
		"only other settings":  {side("sha256:1", "x", ""), side("sha256:1", "x", ""), []string{"configuration: the layers and labels are the same, other settings differ"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			all, err := Compare(test.published, test.rebuilt)
			require.NoError(t, err)
			var got []string
			for _, d := range all {
				got = append(got, d.String())
			}
			assert.Equal(t, test.want, got)
		})
	}
	shorter := side("sha256:1", "x", "")
	shorter.Layers = shorter.Layers[1:]
	all, err := Compare(side("sha256:1", "x", ""), shorter)
	require.NoError(t, err)
	assert.Equal(t, 1, all[0].Layer, "a base of fewer layers differs")
}
