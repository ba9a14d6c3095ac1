package cost

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// published puts the functions' images of a layout into the registry and returns
// how many bytes were sent.
func published(t *testing.T, h reference.Hosts, commit, binary string, edited map[string]string) int64 {
	t.Helper()
	functions := registrytest.Functions()
	images, err := publish.ReadImages(registrytest.Layout(t, functions, binary, edited, image.Offline, "test"), functions, nil)
	require.NoError(t, err)
	items := reference.Items(functions, h, commit)
	p := publish.NewPublisher(registry.NewClient(registry.Options{}), 0)
	state, err := p.Inspect(t.Context(), items, images)
	require.NoError(t, err)
	plan, err := publish.NewPlan(items, images, state, false)
	require.NoError(t, err)
	plan.Commit = commit
	outcome, err := p.Run(t.Context(), plan, images)
	require.NoError(t, err)
	return outcome.Sent
}

func TestReadWhatWasPublished(t *testing.T) {
	for title, tags := range map[string]catalog.Tags{
		"with the tags of every workspace": {},
		"with tags of another pattern":     {Commit: "{name}.{commit}", Latest: "{name}_main"},
	} {
		t.Run(title, func(t *testing.T) { readWhatWasPublished(t, tags) })
	}
}

func readWhatWasPublished(t *testing.T, tags catalog.Tags) {
	t.Helper()
	r := registrytest.New(t)
	h := reference.Hosts{Private: r.Host, Public: r.Host + "/alias", Tags: tags}
	client := registry.NewClient(registry.Options{})
	sent := published(t, h, "aaaaaaa", "one", nil)
	sent += published(t, h, "bbbbbbb", "one", map[string]string{"thumb": "two"})

	repositories, err := ReadRegistries(t.Context(), client, registrytest.Functions(), h)
	require.NoError(t, err)

	got := map[string][]string{}
	for _, repository := range repositories {
		name := string(repository.Tier) + " " + repository.Name + " " + string(repository.Variant)
		for _, i := range repository.Images {
			line := i.Name
			if i.DeployCopy {
				line += " copy"
			}
			if i.Latest {
				line += " latest"
			}
			for _, b := range i.Blobs {
				line += " " + string(b.Part)
			}
			got[name] = append(got[name], line)
		}
	}
	light, heavy := " base binary configuration", " base ffmpeg binary configuration"
	assert.Len(t, got, 4)
	assert.ElementsMatch(t, []string{"api latest" + light, "enhance copy latest" + light}, got["private lambda-private-light light"])
	assert.ElementsMatch(t, []string{"select latest" + heavy, "thumb copy" + heavy, "thumb copy latest" + heavy, "video copy latest" + heavy},
		got["private lambda-private-heavy heavy"])
	assert.ElementsMatch(t, []string{"enhance latest" + light}, got["public lambda-light light"])
	assert.ElementsMatch(t, []string{"thumb" + heavy, "thumb latest" + heavy, "video latest" + heavy}, got["public lambda-heavy heavy"])

	report := New(repositories, Prices{})
	assert.Equal(t, sent, report.Private.Bytes+report.Public.Bytes, "what is stored is what was sent")
}

func TestReadWhatIsNoImageOfOurs(t *testing.T) {
	r := testkit.NewRegistry(t)
	h := reference.Hosts{Private: r.Host, Public: r.Host + "/alias"}
	functions := registrytest.Functions()[:1]
	one := testkit.OCIImage(t, testkit.AMD64)
	index := testkit.OCIIndex(t, map[*v1.Platform]v1.Image{&testkit.AMD64: one, &testkit.ARM64: testkit.OCIImage(t, testkit.ARM64)})
	repository := reference.RepositoryName(catalog.Private, reference.Hosts{}.Repository(catalog.Private, catalog.Light))
	r.Push(t, repository+":release-1", one)
	r.Push(t, repository+":a-tag-of-somebody", index)
	r.Push(t, repository+":api-1234567", index)

	repositories, err := ReadRegistries(t.Context(), registry.NewClient(registry.Options{}), functions, h)
	require.NoError(t, err)
	require.Len(t, repositories, 1)
	images := repositories[0].Images
	require.Len(t, images, 2)
	assert.Equal(t, []string{"api", "(other)"}, []string{images[0].Name, images[1].Name})
	for n, blobs := range []int{4, 2} {
		assert.Len(t, images[n].Blobs, blobs, "layers and configurations of all platforms")
		for _, b := range images[n].Blobs {
			assert.Equal(t, Other, b.Part)
		}
	}
}

func TestReadWhatIsAttachedToImages(t *testing.T) {
	r := testkit.NewRegistry(t)
	h := reference.Hosts{Private: r.Host, Public: r.Host + "/alias"}
	repository := reference.RepositoryName(catalog.Private, reference.Hosts{}.Repository(catalog.Private, catalog.Light))
	image := testkit.OCIImage(t, testkit.AMD64)
	r.Push(t, repository+":api-1234567", image)
	subject, err := partial.Descriptor(image)
	require.NoError(t, err)
	document, ok := mutate.Subject(testkit.OCIImage(t, testkit.ARM64), *subject).(v1.Image)
	require.True(t, ok)
	r.Push(t, repository+":gone", document)
	client := registry.NewClient(registry.Options{})
	at := r.Host + "/" + repository
	digest, err := document.Digest()
	require.NoError(t, err)
	require.NoError(t, client.Untag(t.Context(), at, "gone"))

	for name, from := range map[string]Registry{
		"by the tag that lists it":    client,
		"by a registry that lists it": lister{client, map[string]map[string][]string{at: {subject.Digest.String(): {"api-1234567"}, digest.String(): nil}}},
	} {
		t.Run(name, func(t *testing.T) {
			repositories, err := ReadRegistries(t.Context(), from, registrytest.Functions()[:1], h)
			require.NoError(t, err)
			images := repositories[0].Images
			require.GreaterOrEqual(t, len(images), 2)
			for _, i := range images[1:] {
				assert.Equal(t, "(documents)", i.Name)
				assert.Equal(t, Documents, i.Blobs[0].Part)
			}
		})
	}
}

// lister lists all images, as ECR does.
type lister struct {
	*registry.Client
	tags map[string]map[string][]string // by repository and digest
}

func (l lister) Images(_ context.Context, repository string) (map[string][]string, error) {
	tags, ok := l.tags[repository]
	if !ok {
		return nil, errors.New("denied")
	}
	return tags, nil
}

// Manifests reads all but the last one.
func (l lister) Manifests(ctx context.Context, repository string, digests []string) (map[string][]byte, error) {
	manifests := map[string][]byte{}
	for _, digest := range digests[:len(digests)-1] {
		raw, _, err := l.Manifest(ctx, repository, digest)
		if err != nil {
			return nil, err
		}
		manifests[digest] = raw
	}
	return manifests, nil
}

// Archived are two images of each repository.
func (l lister) Archived(context.Context, string) (int, int64, error) { return 2, 3 << 30, nil }

func TestReadImagesWithoutATag(t *testing.T) {
	r := registrytest.New(t)
	h := reference.Hosts{Private: r.Host, Public: r.Host + "/alias"}
	functions := registrytest.Functions()[:1]
	l := lister{registry.NewClient(registry.Options{}), map[string]map[string][]string{}}
	sent := published(t, h, "aaaaaaa", "one", nil)
	at := h.Private + "/" + reference.RepositoryName(catalog.Private, reference.Hosts{}.Repository(catalog.Private, catalog.Light))
	l.tags[at] = map[string][]string{}
	for _, tag := range []string{"api-aaaaaaa", "enhance-aaaaaaa"} {
		digest, ok, err := l.Digest(t.Context(), at, tag)
		require.NoError(t, err)
		require.True(t, ok)
		l.tags[at][digest.String()] = nil
		if tag == "api-aaaaaaa" {
			l.tags[at][digest.String()] = []string{tag, "api-latest"}
		}
	}
	for _, tag := range []string{"enhance-aaaaaaa", "enhance-latest"} {
		require.NoError(t, l.Untag(t.Context(), at, tag))
	}

	seen, err := ReadRegistries(t.Context(), l.Client, functions, h)
	require.NoError(t, err)
	require.Len(t, seen[0].Images, 1)
	all, err := ReadRegistries(t.Context(), l, functions, h)
	require.NoError(t, err)
	require.Len(t, all[0].Images, 2)
	assert.Equal(t, "(untagged)", all[0].Images[1].Name)

	rows := New(all, Prices{}).Repositories[0].Parts
	require.Len(t, rows, 3)
	assert.Equal(t, []Part{Base, Binary, Other}, []Part{rows[0].Part, rows[1].Part, rows[2].Part})
	assert.Positive(t, rows[2].Bytes)
	assert.Less(t, rows[0].Bytes+rows[1].Bytes+rows[2].Bytes, sent)

	prices, err := ReadPrices()
	require.NoError(t, err)
	report := New(all, prices)
	assert.Equal(t, &ArchivedStorage{Archived{2, 3 << 30}, 3 * prices.Archive.PerGBMonth}, report.Archived)
	var out bytes.Buffer
	require.NoError(t, report.Print(&out, false))
	assert.Contains(t, out.String(), "\narchived, and not counted above: 2 images of at most 3221.2 MB (a layer of several counts for each), $0.3000 a month at $0.10 per GB-month; to restore a GB costs $0.03, and each image is charged for 90 days at least\n")

	clear(l.tags)
	_, err = ReadRegistries(t.Context(), l, functions, h)
	require.EqualError(t, err, "read what "+at+" holds: denied")
}

// fake has fixed answers.
type fake struct {
	tags     []string
	digests  map[string]v1.Hash
	manifest []byte
	err      error
}

func (f fake) Tags(context.Context, string) ([]string, error) { return f.tags, nil }

func (f fake) Digest(_ context.Context, _, tag string) (v1.Hash, bool, error) {
	digest, ok := f.digests[tag]
	return digest, ok, f.err
}

func (f fake) Manifest(context.Context, string, string) ([]byte, v1.Hash, error) {
	return f.manifest, v1.Hash{}, nil
}

func TestReadWhileOthersWrite(t *testing.T) {
	functions := registrytest.Functions()[:1]
	raw := fmt.Sprintf(`{"schemaVersion":2,"mediaType":%q,"config":{"size":1},"layers":[{"size":1},{"size":2}]}`, types.OCIManifestSchema1)
	r := fake{tags: []string{"api-gone", "api-1234567"}, digests: map[string]v1.Hash{"api-1234567": testkit.Digest("a")}, manifest: []byte(raw)}
	repositories, err := ReadRegistries(t.Context(), r, functions, reference.Hosts{Private: "p", Public: "q"})
	require.NoError(t, err)
	assert.Len(t, repositories[0].Images, 1, "a tag that was removed after it was listed")

	r.err = errors.New("no network")
	_, err = ReadRegistries(t.Context(), r, functions, reference.Hosts{Private: "p", Public: "q"})
	require.EqualError(t, err, "read what p/lambda-private-light holds: no network")

	r.err, r.manifest = nil, []byte("<html>")
	_, err = ReadRegistries(t.Context(), r, functions, reference.Hosts{Private: "p", Public: "q"})
	require.ErrorContains(t, err, "read what p/lambda-private-light holds: manifest "+testkit.Digest("a").String())
}
