package ecrapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	registrytypes "github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestWant(t *testing.T) {
	var got []string
	for _, w := range Want(registrytest.Functions(), reference.Hosts{}) {
		line := string(w.Tier) + " " + w.Name
		for _, i := range w.Images {
			line += " " + i
		}
		got = append(got, line)
	}
	assert.Equal(t, []string{
		"private lambda-private-heavy select thumb video",
		"private lambda-private-light api enhance",
		"public lambda-heavy thumb video",
		"public lambda-light enhance",
	}, got)
}

func TestMissingAndCreate(t *testing.T) {
	aws := awsfake.New(t)
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	aws.Add(awsfake.Public, "lambda-light")
	wanted, err := Missing(t.Context(), s.ECR, s.Public, Want(registrytest.Functions(), reference.Hosts{}))
	require.NoError(t, err)
	missing := 0
	for _, w := range wanted {
		assert.Equal(t, w.Name != "lambda-light", w.Missing, w.Name)
		if w.Missing {
			missing++
			require.NoError(t, Create(t.Context(), s.ECR, s.Public, w))
			require.NoError(t, Create(t.Context(), s.ECR, s.Public, w), "another run was faster")
		}
	}
	assert.Equal(t, 3, missing)
	wanted, err = Missing(t.Context(), s.ECR, s.Public, wanted)
	require.NoError(t, err)
	for _, w := range wanted {
		assert.False(t, w.Missing, w.Name)
	}

	aws.Fail("ecr.DescribeRepositories", awsfake.AccessDenied)
	_, err = Missing(t.Context(), s.ECR, s.Public, wanted)
	require.ErrorContains(t, err, "look for the private repository lambda-private-heavy: ")
	aws.Fail("ecr.CreateRepository", awsfake.AccessDenied)
	require.ErrorContains(t, Create(t.Context(), s.ECR, s.Public, wanted[0]), "create the private repository lambda-private-heavy: ")
}

func TestUntagTakesOneTagOnly(t *testing.T) {
	aws := awsfake.New(t)
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	r := &Registry{Private: s.ECR, Public: s.Public, Hosts: reference.Hosts{Private: "private.test", Public: "public.test/alias"}}
	for tier, repository := range map[string]string{awsfake.Private: "private.test/a", awsfake.Public: "public.test/alias/a"} {
		t.Run(tier, func(t *testing.T) {
			aws.Add(tier, "a", awsfake.Image{Digest: "sha256:1", Tags: []string{"x-1", "x-latest"}})
			require.NoError(t, r.Untag(t.Context(), repository, "x-latest"))
			assert.Equal(t, []awsfake.Image{{Digest: "sha256:1", Tags: []string{"x-1"}}}, aws.Repository(tier, "a").Images)
			require.NoError(t, r.Untag(t.Context(), repository, "x-latest"), "it is gone already")
			require.ErrorContains(t, r.Untag(t.Context(), repository+"b", "x"), "untag x in "+repository+"b: ")
		})
	}
}

// The images of another registry are not those of the account.
func TestAnotherRegistryIsNotTheAccount(t *testing.T) {
	aws := awsfake.New(t)
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	other := registrytest.New(t)
	client := registry.NewClient(registry.Options{})
	r := &Registry{Client: client, Private: s.ECR, Public: s.Public}
	repository := other.Host + "/lambda-private-light"
	aws.Add(awsfake.Private, "lambda-private-light", awsfake.Image{Digest: "sha256:1", Tags: []string{"x-1", "x-latest"}})
	aws.Add(awsfake.Private, repository, awsfake.Image{Digest: "sha256:1", Tags: []string{"x-1", "x-latest"}})
	config, err := client.PutBytes(t.Context(), repository, []byte("{}"), registrytypes.OCIConfigJSON)
	require.NoError(t, err)
	manifest, err := json.Marshal(v1.Manifest{SchemaVersion: 2, MediaType: registrytypes.OCIManifestSchema1, Config: config, Layers: []v1.Descriptor{}})
	require.NoError(t, err)
	require.NoError(t, client.PutManifest(t.Context(), repository, "x-latest", manifest, registrytypes.OCIManifestSchema1))

	require.NoError(t, r.Untag(t.Context(), repository, "x-latest"))
	_, there, err := client.Digest(t.Context(), repository, "x-latest")
	require.NoError(t, err)
	assert.False(t, there)
	_, err = r.Images(t.Context(), repository)
	require.ErrorIs(t, err, errors.ErrUnsupported)
	manifests, err := r.Manifests(t.Context(), repository, []string{"sha256:1"})
	require.NoError(t, err)
	assert.Empty(t, manifests)
	created, err := r.Prepare(t.Context(), registrytest.Functions(), Replication{}, true, false)
	require.NoError(t, err)
	assert.Empty(t, created)
	assert.Empty(t, aws.Calls(""))
}

func TestImages(t *testing.T) {
	aws := awsfake.New(t)
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	r := &Registry{Private: s.ECR, Public: s.Public, Hosts: reference.Hosts{Private: "private.test", Public: "public.test/alias"}}
	for tier, repository := range map[string]string{awsfake.Private: "private.test/a", awsfake.Public: "public.test/alias/a"} {
		t.Run(tier, func(t *testing.T) {
			images, err := r.Images(t.Context(), repository)
			require.NoError(t, err)
			assert.Empty(t, images, "a repository that does not exist")
			aws.Add(tier, "a", awsfake.Image{Digest: "sha256:1", Tags: []string{"x-1"}}, awsfake.Image{Digest: "sha256:2"}, awsfake.Image{Digest: "sha256:3"})
			images, err = r.Images(t.Context(), repository)
			require.NoError(t, err)
			assert.Equal(t, map[string][]string{"sha256:1": {"x-1"}, "sha256:2": nil, "sha256:3": nil}, images, "of all pages")
			aws.Fail(map[string]string{awsfake.Private: "ecr", awsfake.Public: "ecrpublic"}[tier]+".DescribeImages", awsfake.AccessDenied)
			_, err = r.Images(t.Context(), repository)
			require.ErrorContains(t, err, "list the images of a: ")
		})
	}
}

// AWS refuses a call for more than a hundred images, and lists a thousand at most. The SDK
// repeats a call now and then: on a busy machine, its connection to localhost can close within
// a large answer.
func TestManyImages(t *testing.T) {
	aws := awsfake.New(t)
	aws.PageSize = 5000
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	var images []awsfake.Image
	var digests, tags []string
	for n := range 2500 {
		i := awsfake.Image{Digest: fmt.Sprintf("sha256:%04d", n), Tags: []string{fmt.Sprintf("x-%04d", n)}}
		images, digests, tags = append(images, i), append(digests, i.Digest), append(tags, i.Tags...)
	}
	aws.Add(awsfake.Private, "a", images...)
	aws.Add(awsfake.Public, "a", images...)

	private, err := Images(t.Context(), s.ECR, "a")
	require.NoError(t, err)
	assert.Len(t, private, 2500)
	assert.Less(t, len(aws.Calls("ecr.DescribeImages")), 6)
	public, err := PublicImages(t.Context(), s.Public, "a")
	require.NoError(t, err)
	assert.Equal(t, private, public)
	assert.Less(t, len(aws.Calls("ecrpublic.DescribeImages")), 6)

	manifests, err := Manifests(t.Context(), s.ECR, "a", digests)
	require.NoError(t, err)
	assert.Len(t, manifests, 2500)
	assert.Less(t, len(aws.Calls("ecr.BatchGetImage")), 50)

	require.NoError(t, Untag(t.Context(), s.ECR, "a", tags[:2499]))
	assert.Len(t, aws.Repository(awsfake.Private, "a").Images, 1)
	assert.Less(t, len(aws.Calls("ecr.BatchDeleteImage")), 50)
	var ids []types.ImageIdentifier
	for _, digest := range digests[:2499] {
		ids = append(ids, types.ImageIdentifier{ImageDigest: &digest})
	}
	require.NoError(t, DeletePublic(t.Context(), s.Public, "a", ids))
	assert.Len(t, aws.Repository(awsfake.Public, "a").Images, 1)
}

// What ECR's gallery shows about a repository must not be longer than AWS accepts.
func TestARepositoryOfManyImages(t *testing.T) {
	aws := awsfake.New(t)
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	w := Wanted{Name: "lambda-light", Tier: catalog.Public, Variant: catalog.Light}
	for n := range 1000 {
		w.Images = append(w.Images, fmt.Sprintf("%s-%03d", strings.Repeat("n", 76), n))
	}
	require.NoError(t, Create(t.Context(), s.ECR, s.Public, w))
	about := aws.Repository(awsfake.Public, "lambda-light").Input["catalogData"].(map[string]any)
	assert.Contains(t, about["description"], w.Images[0])
	assert.Contains(t, about["description"], " and 990 more")
}
