package referrer_test

import (
	"context"
	"io"
	"log"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	client "lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/referrer"
)

const bill, origin = "application/vnd.cyclonedx+json", "application/vnd.in-toto+json"

// servers are registries without the API for referrers, and with it.
func servers(t *testing.T) map[string]string {
	t.Helper()
	quiet := registry.Logger(log.New(io.Discard, "", 0))
	with := httptest.NewServer(registry.New(registry.WithReferrersSupport(true), quiet))
	t.Cleanup(with.Close)
	return map[string]string{"with the API": strings.TrimPrefix(with.URL, "http://"), "by the tag": registrytest.New(t).Host}
}

// subject pushes an image and returns its descriptor.
func subject(t *testing.T, repository string) v1.Descriptor {
	t.Helper()
	img, err := random.Image(10, 1)
	require.NoError(t, err)
	tag, err := name.NewTag(repository + ":thumb-abc1234")
	require.NoError(t, err)
	require.NoError(t, remote.Write(tag, img))
	head, err := remote.Head(tag)
	require.NoError(t, err)
	return *head
}

func attach(t *testing.T, c *client.Client, repository string, to v1.Descriptor, artifacts ...referrer.Artifact) error {
	t.Helper()
	for _, a := range artifacts {
		for _, b := range a.Blobs() {
			_, err := c.PutBytes(t.Context(), repository, b.Content, b.MediaType)
			require.NoError(t, err)
		}
	}
	return referrer.Attach(t.Context(), c, repository, to, artifacts)
}

func TestAttach(t *testing.T) {
	sbom := referrer.Artifact{Type: bill, Title: "thumb.cdx.json", Content: []byte("a bill")}
	first := referrer.Artifact{Type: origin, Title: "thumb.json", Commit: "1111111", Content: []byte("of the first"), Annotations: map[string]string{"a": "b"}}
	second := referrer.Artifact{Type: origin, Title: "thumb.json", Commit: "2222222", Content: []byte("of the second")}
	again := first
	again.Content = []byte("of the first, at another time")
	for kind, host := range servers(t) {
		t.Run(kind, func(t *testing.T) {
			repository := host + "/lambda-heavy"
			c := client.NewClient(client.Options{})
			none, err := referrer.List(t.Context(), c, host+"/not-there", v1.Hash{Algorithm: "sha256", Hex: strings.Repeat("a", 64)})
			require.NoError(t, err)
			assert.Empty(t, none)

			image := subject(t, repository)
			require.NoError(t, attach(t, c, repository, image, sbom, first))
			require.NoError(t, attach(t, c, repository, image, second))
			require.NoError(t, attach(t, c, repository, image, sbom), "again, as after a crash")

			all, err := referrer.List(t.Context(), c, repository, image.Digest)
			require.NoError(t, err)
			require.Len(t, all, 3)
			for _, a := range []referrer.Artifact{sbom, first, second, again} {
				has, err := referrer.Has(all, a, image)
				require.NoError(t, err)
				assert.True(t, has, "%s of %q", a.Type, a.Commit)
			}
			other, third := sbom, second
			other.Content, third.Commit = []byte("another bill"), "3333333"
			for _, a := range []referrer.Artifact{other, third} {
				has, err := referrer.Has(all, a, image)
				require.NoError(t, err)
				assert.False(t, has)
			}

			statements, err := referrer.List(t.Context(), c, repository, image.Digest, origin)
			require.NoError(t, err)
			require.Len(t, statements, 2)
			at := slices.IndexFunc(statements, func(a referrer.Attached) bool { return a.Commit == "2222222" })
			require.GreaterOrEqual(t, at, 0, "the commit is told also where the list has no annotations")
			content, err := referrer.Read(t.Context(), c, repository, statements[at])
			require.NoError(t, err)
			assert.Equal(t, "of the second", string(content))

			if kind == "by the tag" { // somebody deletes one, and leaves the list as it is
				ref, err := name.NewDigest(repository + "@" + statements[at].Digest.String())
				require.NoError(t, err)
				require.NoError(t, remote.Delete(ref))
				statements, err = referrer.List(t.Context(), c, repository, image.Digest, origin)
				require.NoError(t, err)
				require.Len(t, statements, 1)
				assert.Equal(t, "1111111", statements[0].Commit)
			}
			now, err := digestOf(repository + ":thumb-abc1234")
			require.NoError(t, err)
			assert.Equal(t, image.Digest, now, "the image's tag names what it did")
			tags, err := c.Tags(t.Context(), repository)
			require.NoError(t, err)
			if kind == "with the API" {
				assert.Equal(t, []string{"thumb-abc1234"}, tags)
			} else {
				assert.ElementsMatch(t, []string{"thumb-abc1234", "sha256-" + image.Digest.Hex}, tags)
			}
		})
	}
}

func digestOf(reference string) (v1.Hash, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return v1.Hash{}, err
	}
	head, err := remote.Head(ref)
	if err != nil {
		return v1.Hash{}, err
	}
	return head.Digest, nil
}

// forgetful is a registry whose list another release has just written, so that ours
// is lost, so many times.
type forgetful struct {
	*client.Client
	times int
}

func (f *forgetful) Referrers(ctx context.Context, repository string, digest v1.Hash) ([]v1.Descriptor, error) {
	if f.times > 0 {
		f.times--
		return nil, nil
	}
	return f.Client.Referrers(ctx, repository, digest)
}

func TestAListThatLostOursIsWrittenAgain(t *testing.T) {
	repository := registrytest.New(t).Host + "/lambda-heavy"
	c := client.NewClient(client.Options{})
	image := subject(t, repository)
	sbom := referrer.Artifact{Type: bill, Title: "thumb.cdx.json", Content: []byte("a bill")}
	require.NoError(t, attach(t, c, repository, image, sbom))
	require.NoError(t, referrer.Attach(t.Context(), &forgetful{c, 2}, repository, image, []referrer.Artifact{sbom}))
	err := referrer.Attach(t.Context(), &forgetful{c, 9}, repository, image, []referrer.Artifact{sbom})
	require.ErrorContains(t, err, "attach thumb.cdx.json to "+image.Digest.String())
	require.ErrorContains(t, err, "the registry does not list it")
}

func TestManifest(t *testing.T) {
	a := referrer.Artifact{Type: bill, Title: "x.json", Content: []byte("{}"), Commit: "1111111", Annotations: map[string]string{"k": "v"}}
	manifest, digest, err := a.Manifest(v1.Descriptor{MediaType: types.OCIManifestSchema1, Size: 7, Digest: v1.Hash{Algorithm: "sha256", Hex: "ab"}, Annotations: map[string]string{"not": "this"}})
	require.NoError(t, err)
	assert.JSONEq(t, `{
		"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "application/vnd.cyclonedx+json",
		"config": {"mediaType": "application/vnd.oci.empty.v1+json", "size": 2, "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"},
		"layers": [{"mediaType": "application/vnd.cyclonedx+json", "size": 2, "digest": "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
			"annotations": {"org.opencontainers.image.title": "x.json"}}],
		"annotations": {"internal.lambdas.commit": "1111111", "k": "v"},
		"subject": {"mediaType": "application/vnd.oci.image.manifest.v1+json", "size": 7, "digest": "sha256:ab"}
	}`, string(manifest))
	_, again, err := a.Manifest(v1.Descriptor{MediaType: types.OCIManifestSchema1, Size: 7, Digest: v1.Hash{Algorithm: "sha256", Hex: "ab"}})
	require.NoError(t, err)
	assert.Equal(t, digest, again)
}

func TestListOf(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for name, c := range map[string]struct {
		tag, digest string
	}{
		"a list":            {"sha256-" + hex, "sha256:" + hex},
		"an image's tag":    {"api-1234567", ""},
		"too short":         {"sha256-" + hex[1:], ""},
		"too long":          {"sha256-" + hex + "0", ""},
		"a signature's tag": {"sha256-" + hex + ".sig", ""},
	} {
		t.Run(name, func(t *testing.T) {
			digest, ok := referrer.ListOf(c.tag)
			assert.Equal(t, c.digest, digest)
			assert.Equal(t, c.digest != "", ok)
		})
	}
}
