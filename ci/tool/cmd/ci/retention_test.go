package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/referrer"
)

// digest is one of letters.
func digest(letter string) string { return "sha256:" + strings.Repeat(letter, 64) }

// repositoryOf returns images of beta, the youngest first.
func repositoryOf(letters string) []awsfake.Image {
	var all []awsfake.Image
	for n, letter := range strings.Split(letters, "") {
		all = append(all, awsfake.Image{Digest: digest(letter), Tags: []string{"beta-000000" + letter},
			Pushed: time.Now().Add(-time.Duration(n) * time.Hour), Size: 1_000_000})
	}
	return all
}

func newRetentionStand(t *testing.T) (*awsfake.AWS, string) {
	t.Helper()
	aws := awsfake.Start(t)
	aws.Add(awsfake.Private, "lambda-private-light", repositoryOf("12345678")...)
	aws.Add(awsfake.Public, "lambda-light", repositoryOf("12345678")...)
	aws.Run("TheBeta", "$LATEST", digest("1"))
	aws.Run("TheBeta", "1", digest("8"))
	aws.Run("TheBeta", "2", digest("3"))
	aws.Run("TheBeta", "3", "")
	return aws, plain(t)
}

// left returns the tags of each image that is left, but not of release records, by the first
// letter of its digest.
func left(aws *awsfake.AWS, tier, name string) map[string][]string {
	tags := map[string][]string{}
	for _, i := range aws.Repository(tier, name).Images {
		if !slices.ContainsFunc(i.Tags, retention.IsRecord) {
			tags[strings.TrimPrefix(i.Digest, "sha256:")[:1]] = i.Tags
		}
	}
	return tags
}

func TestRetention(t *testing.T) {
	t.Parallel()
	aws, root := newRetentionStand(t)
	dry := with(aws).in(t, root, "retention", "--dry-run")
	require.Equal(t, exitDone, dry.code, dry.stderr)
	assert.Contains(t, dry.stdout, `+          "beta-*"`)
	assert.Contains(t, dry.stdout, "runs as TheBeta:1")
	assert.Contains(t, dry.stdout, "dry run: would delete 2 public images of 2.0 MB; the images are for an unknown platform; checked 1 lifecycle policy\n")
	assert.Empty(t, aws.Calls("ecr.PutLifecyclePolicy"))
	assert.Empty(t, aws.Calls("ecrpublic.BatchDeleteImage"))
	assert.Empty(t, aws.Calls("ecr.PutImage"))

	done := with(aws).in(t, root, "retention")
	require.Equal(t, exitDone, done.code, done.stderr)
	public := left(aws, awsfake.Public, "lambda-light")
	assert.Len(t, public, 6)
	assert.Contains(t, public, "8", "version 1 runs it")
	assert.NotContains(t, public, "7")
	private := left(aws, awsfake.Private, "lambda-private-light")
	assert.Len(t, private, 8, "a policy deletes, not we")
	assert.Equal(t, []string{"beta-0000008", "beta-888888888888-123456789012-eu-central-1-live"}, private["8"], "no rule expires what runs")
	assert.Equal(t, []string{"beta-0000003", "beta-333333333333-123456789012-eu-central-1-live"}, private["3"])

	again := with(aws).in(t, root, "retention")
	require.Equal(t, exitDone, again.code, again.stderr)
	assert.Contains(t, again.stdout, "lambda-private-light: the lifecycle policy is up to date\n")
	assert.Contains(t, again.stdout, "deleting 0 public images")
	assert.Len(t, aws.Calls("ecr.PutLifecyclePolicy"), 1)
	assert.Len(t, aws.Calls("ecr.PutImage"), 3)
}

func TestRetentionChangesNothingWhenItCannotTellWhatIsLive(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		operation string
		failure   awsfake.Failure
		digest    string
		message   string
	}{
		"versions cannot be listed":    {"lambda.ListVersionsByFunction", awsfake.Failure{Status: 403, Code: "AccessDeniedException", Message: "no"}, "", "find the images that The"},
		"a version cannot be read":     {"lambda.GetFunction", awsfake.Failure{Status: 403, Code: "AccessDeniedException", Message: "no"}, "", "runs: version "},
		"credentials have expired":     {"lambda.ListVersionsByFunction", awsfake.Failure{Status: 403, Code: "ExpiredTokenException", Message: "expired"}, "", "ExpiredTokenException"},
		"AWS does not say the image":   {"", awsfake.Failure{}, "unknown", "find the images that TheBeta runs: version 9: the answer of AWS does not say which image it runs; it is unknown what is live, so nothing was changed"},
		"public images cannot be read": {"ecrpublic.DescribeImages", awsfake.AccessDenied, "", "list the images of lambda-light: "},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			aws, root := newRetentionStand(t)
			if test.digest != "" {
				aws.Run("TheBeta", "9", test.digest)
			} else {
				aws.Fail(test.operation, test.failure, test.failure, test.failure)
			}
			got := with(aws).in(t, root, "retention")
			assert.Equal(t, exitFailed, got.code)
			assert.Contains(t, got.stderr, test.message)
			for _, operation := range []string{"ecr.PutLifecyclePolicy", "ecr.PutImage", "ecrpublic.BatchDeleteImage"} {
				assert.Empty(t, aws.Calls(operation), operation)
			}
		})
	}
}

// attach attaches a document to a digest in the public repository, and tells the
// stand-in of AWS of it and of the list that is kept of it.
func attach(t *testing.T, aws *awsfake.AWS, r *registrytest.Registry, subject string) {
	t.Helper()
	hash, err := v1.NewHash(subject)
	require.NoError(t, err)
	a := referrer.Artifact{Type: "application/vnd.cyclonedx+json", Title: "sbom.json", Content: []byte("of " + subject)}
	client, repository := registry.NewClient(registry.Options{}), r.Direct+"/alias/lambda-light"
	for _, b := range a.Blobs() {
		_, err := client.PutBytes(t.Context(), repository, b.Content, b.MediaType)
		require.NoError(t, err)
	}
	manifest, digest, err := a.Manifest(v1.Descriptor{MediaType: types.OCIManifestSchema1, Digest: hash, Size: 1})
	require.NoError(t, err)
	require.NoError(t, client.PutManifest(t.Context(), repository, digest.String(), manifest, types.OCIManifestSchema1))
	tag := strings.Replace(subject, ":", "-", 1)
	list, ok, err := client.Digest(t.Context(), repository, tag)
	require.NoError(t, err)
	require.True(t, ok, "this server needs the list")
	there := aws.Repository(awsfake.Public, "lambda-light")
	long := time.Now().AddDate(0, -1, 0)
	there.Images = append(there.Images, awsfake.Image{Digest: digest.String(), Pushed: long}, awsfake.Image{Digest: list.String(), Tags: []string{tag}, Pushed: long})
}

func TestRetentionOfWhatIsAttached(t *testing.T) {
	t.Parallel()
	aws, root := newRetentionStand(t)
	r := registrytest.New(t)
	for _, letter := range []string{"1", "5", "6", "7", "8"} {
		attach(t, aws, r, digest(letter))
	}
	before := len(aws.Repository(awsfake.Public, "lambda-light").Images)

	r.Fail(func(_ registrytest.Request, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
		w.WriteHeader(http.StatusUnauthorized)
		return true
	})
	got := with(aws).in(t, root, "retention", "--public-registry", r.Host+"/alias")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "list the images of lambda-light: list what is attached to sha256:")
	assert.Empty(t, aws.Calls("ecrpublic.BatchDeleteImage"), "what is attached cannot be told from what is left over")

	r.Fail(nil)
	got = with(aws).in(t, root, "retention", "--public-registry", r.Host+"/other")
	assert.Equal(t, exitFailed, got.code, "it finds nothing attached, because it looks in the wrong place")
	assert.Contains(t, got.stderr, "ci: list the images of lambda-light: the registry does not have sha256:")
	assert.Contains(t, got.stderr, ", which AWS lists; pass the right one with --public-registry; nothing was changed\n")
	nothingChanged(t, aws)

	got = with(aws).in(t, root, "retention", "--public-registry", r.Host+"/alias")
	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "is attached to sha256:666666666666, which is deleted")
	assert.Contains(t, got.stdout, "is attached to sha256:888888888888\n")
	assert.Len(t, aws.Repository(awsfake.Public, "lambda-light").Images, before-6, "6 and 7, and for each a document and a list")
	again := with(aws).in(t, root, "retention", "--public-registry", r.Host+"/alias")
	require.Equal(t, exitDone, again.code, again.stderr)
	assert.Contains(t, again.stdout, "deleting 0 public images")
}

// An image that never changes gets a tag from each commit, and AWS accepts a thousand.
func TestRetentionOfAnImageWithManyTags(t *testing.T) {
	t.Parallel()
	for name, tier := range map[string]string{"lambda-private-light": awsfake.Private, "lambda-light": awsfake.Public} {
		aws, root := newRetentionStand(t)
		repository := aws.Repository(tier, name)
		for n := range 998 {
			repository.Images[7].Tags = append(repository.Images[7].Tags, fmt.Sprintf("beta-%07x", 0xabc0000+n))
		}
		repository.Images[7].Tags = append(repository.Images[7].Tags, "beta-latest")

		got := with(aws).in(t, root, "retention")

		require.Equal(t, exitDone, got.code, got.stderr)
		assert.Contains(t, got.stdout, name+": of sha256:888888888888, ")
		kept := left(aws, tier, name)
		assert.LessOrEqual(t, len(kept["8"]), 250)
		assert.Contains(t, kept["8"], "beta-latest")
		assert.Contains(t, kept["8"], "beta-abc03e5", "the last one")
		assert.Equal(t, "beta-0000001", kept["1"][0], "the others keep theirs")
		again := with(aws).in(t, root, "retention")
		require.Equal(t, exitDone, again.code, again.stderr)
		assert.NotContains(t, again.stdout, "of old commits go")
	}
	// Tags that publish did not set are not ours to remove.
	aws, root := newRetentionStand(t)
	private := aws.Repository(awsfake.Private, "lambda-private-light")
	for n := range 999 {
		private.Images[7].Tags = append(private.Images[7].Tags, fmt.Sprintf("mine%d", n))
	}
	got := with(aws).in(t, root, "retention")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "ci: protect sha256:888888888888, which TheBeta:1 runs: it has 1000 tags, and AWS accepts no more; "+
		"remove tags that nobody needs: aws ecr batch-delete-image --repository-name lambda-private-light --image-ids imageTag=TAG; nothing was changed\n")
	nothingChanged(t, aws)
}

func TestRetentionRecoversFromThrottling(t *testing.T) {
	t.Parallel()
	aws, root := newRetentionStand(t)
	aws.Fail("ecrpublic.BatchDeleteImage", awsfake.Throttling)
	aws.Fail("lambda.GetFunction", awsfake.Failure{Status: 429, Code: "TooManyRequestsException", Message: "Rate exceeded"})
	got := with(aws).in(t, root, "retention")
	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Len(t, left(aws, awsfake.Public, "lambda-light"), 6)
}
