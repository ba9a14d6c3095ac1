package main

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
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
	aws := awsfake.New(t)
	aws.Add(awsfake.Private, "ai-social-media-lambda-light", repositoryOf("12345678")...)
	aws.Add(awsfake.Public, "lambda-light", repositoryOf("12345678")...)
	aws.Run("TheBeta", "$LATEST", digest("1"))
	aws.Run("TheBeta", "1", digest("8"))
	aws.Run("TheBeta", "2", digest("3"))
	aws.Run("TheBeta", "3", "")
	return aws, publishable(t, nil)
}

func left(aws *awsfake.AWS, tier, name string) map[string][]string {
	tags := map[string][]string{}
	for _, i := range aws.Repository(tier, name).Images {
		tags[strings.TrimPrefix(i.Digest, "sha256:")[:1]] = i.Tags
	}
	return tags
}

func TestRetention(t *testing.T) {
	aws, root := newRetentionStand(t)
	dry := command(t, root, "retention", "--dry-run")
	require.Equal(t, exitDone, dry.code, dry.stderr)
	assert.Contains(t, dry.stdout, `+          "beta-*"`)
	assert.Contains(t, dry.stdout, "runs as TheBeta:1")
	assert.Contains(t, dry.stdout, "dry run: would delete 2 public images of 2.0 MB; checked 1 lifecycle policy\n")
	assert.Empty(t, aws.Calls("ecr.PutLifecyclePolicy"))
	assert.Empty(t, aws.Calls("ecrpublic.BatchDeleteImage"))
	assert.Empty(t, aws.Calls("ecr.PutImage"))

	done := command(t, root, "retention")
	require.Equal(t, exitDone, done.code, done.stderr)
	public := left(aws, awsfake.Public, "lambda-light")
	assert.Len(t, public, 6)
	assert.Contains(t, public, "8", "version 1 runs it")
	assert.NotContains(t, public, "7")
	private := left(aws, awsfake.Private, "ai-social-media-lambda-light")
	assert.Len(t, private, 8, "a policy deletes, not we")
	assert.Equal(t, []string{"beta-0000008", "beta-888888888888-live"}, private["8"], "no rule expires what runs")
	assert.Equal(t, []string{"beta-0000003", "beta-333333333333-live"}, private["3"])

	again := command(t, root, "retention")
	require.Equal(t, exitDone, again.code, again.stderr)
	assert.Contains(t, again.stdout, "ai-social-media-lambda-light: the lifecycle policy is up to date\n")
	assert.Contains(t, again.stdout, "deleting 0 public images")
	assert.Len(t, aws.Calls("ecr.PutLifecyclePolicy"), 1)
	assert.Len(t, aws.Calls("ecr.PutImage"), 3)
}

func TestRetentionChangesNothingWhenItCannotTellWhatIsLive(t *testing.T) {
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
			aws, root := newRetentionStand(t)
			if test.digest != "" {
				aws.Run("TheBeta", "9", test.digest)
			} else {
				aws.Fail(test.operation, test.failure, test.failure, test.failure)
			}
			got := command(t, root, "retention")
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
	got := command(t, root, "retention", "--public-registry", r.Host+"/alias")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "list the images of lambda-light: list what is attached to sha256:")
	assert.Empty(t, aws.Calls("ecrpublic.BatchDeleteImage"), "what is attached cannot be told from what is left over")

	r.Fail(nil)
	got = command(t, root, "retention", "--public-registry", r.Host+"/other")
	assert.Equal(t, exitFailed, got.code, "it finds nothing attached, because it looks in the wrong place")
	assert.Contains(t, got.stderr, "ci: list the images of lambda-light: the registry does not have sha256:")
	assert.Contains(t, got.stderr, ", which AWS lists; pass the right one with --public-registry; nothing was changed\n")
	nothingChanged(t, aws)

	got = command(t, root, "retention", "--public-registry", r.Host+"/alias")
	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "is attached to sha256:666666666666, which is deleted")
	assert.Contains(t, got.stdout, "is attached to sha256:888888888888\n")
	assert.Len(t, aws.Repository(awsfake.Public, "lambda-light").Images, before-6, "6 and 7, and for each a document and a list")
	again := command(t, root, "retention", "--public-registry", r.Host+"/alias")
	require.Equal(t, exitDone, again.code, again.stderr)
	assert.Contains(t, again.stdout, "deleting 0 public images")
}

// An image that never changes gets a tag from each commit, and AWS accepts a thousand.
func TestRetentionOfAnImageWithManyTags(t *testing.T) {
	for name, tier := range map[string]string{"ai-social-media-lambda-light": awsfake.Private, "lambda-light": awsfake.Public} {
		aws, root := newRetentionStand(t)
		repository := aws.Repository(tier, name)
		for n := range 998 {
			repository.Images[7].Tags = append(repository.Images[7].Tags, fmt.Sprintf("beta-%07x", 0xabc0000+n))
		}
		repository.Images[7].Tags = append(repository.Images[7].Tags, "beta-latest")

		got := command(t, root, "retention")

		require.Equal(t, exitDone, got.code, got.stderr)
		assert.Contains(t, got.stdout, name+": of sha256:888888888888, ")
		kept := left(aws, tier, name)
		assert.LessOrEqual(t, len(kept["8"]), 250)
		assert.Contains(t, kept["8"], "beta-latest")
		assert.Contains(t, kept["8"], "beta-abc03e5", "the last one")
		assert.Equal(t, "beta-0000001", kept["1"][0], "the others keep theirs")
		again := command(t, root, "retention")
		require.Equal(t, exitDone, again.code, again.stderr)
		assert.NotContains(t, again.stdout, "of old commits go")
	}
	// Tags that publish did not set are not ours to remove.
	aws, root := newRetentionStand(t)
	private := aws.Repository(awsfake.Private, "ai-social-media-lambda-light")
	for n := range 999 {
		private.Images[7].Tags = append(private.Images[7].Tags, fmt.Sprintf("mine%d", n))
	}
	got := command(t, root, "retention")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "ci: protect sha256:888888888888, which TheBeta:1 runs: it has 1000 tags, and AWS accepts no more; "+
		"remove tags that nobody needs: aws ecr batch-delete-image --repository-name ai-social-media-lambda-light --image-ids imageTag=TAG; nothing was changed\n")
	nothingChanged(t, aws)
}

// nothingChanged fails if a call changed something.
func nothingChanged(t *testing.T, aws *awsfake.AWS) {
	t.Helper()
	for _, operation := range []string{"ecr.PutImage", "ecr.PutLifecyclePolicy", "ecr.BatchDeleteImage", "ecrpublic.BatchDeleteImage"} {
		assert.Empty(t, aws.Calls(operation), operation)
	}
}

// record writes a release record as a deploy does, and tells the stand-in of AWS of it.
func record(t *testing.T, aws *awsfake.AWS, r *registrytest.Registry, commit string, functions ...history.Function) string {
	t.Helper()
	const name = "ai-social-media-lambda-light"
	store := history.NewStore(registry.NewClient(registry.Options{}), []string{r.Direct + "/" + name})
	before, err := store.Releases(t.Context())
	require.NoError(t, err)
	tag, err := store.Add(t.Context(), history.Release{Commit: commit, Kind: history.Deploy, Time: time.Now(), Functions: functions}, before)
	require.NoError(t, err)
	private := aws.Repository(awsfake.Private, name)
	private.Images = append(private.Images, awsfake.Image{Digest: testkit.Digest(tag).String(), Tags: []string{tag}, Pushed: time.Now()})
	return tag
}

// What is unknown is not dead.
func TestRetentionKnowsWhatItDoesNotKnow(t *testing.T) {
	beta := history.Function{Image: "beta", Lambda: "TheBeta", After: digest("8")}
	for name, test := range map[string]struct {
		change  func(t *testing.T, aws *awsfake.AWS, r *registrytest.Registry)
		message string // empty if retention goes on
	}{
		"no function is found, as in a wrong region": {func(_ *testing.T, aws *awsfake.AWS, _ *registrytest.Registry) { aws.Remove("TheBeta") },
			"ci: find the images that functions run: none of TheAlpha, TheBeta exists in eu-west-3; pass the region of the functions with --region; it is unknown what is live, so nothing was changed\n"},
		"a function has no versions": {func(_ *testing.T, aws *awsfake.AWS, _ *registrytest.Registry) {
			for _, v := range []string{"$LATEST", "1", "2", "3"} {
				aws.Stop("TheBeta", v)
			}
		}, "ci: find the images that TheBeta runs: AWS lists 0 versions of it; it is unknown what is live, so nothing was changed\n"},
		"a function with a release record is missing": {func(t *testing.T, aws *awsfake.AWS, r *registrytest.Registry) {
			aws.Run("TheAlpha", "$LATEST", digest("a"))
			aws.Remove("TheBeta")
			record(t, aws, r, "1111111", beta)
		}, "-1111111 says that it ran beta; create it again, or remove the folder of beta from functions/ if it is gone for good; it is unknown"},
		"a function with a live tag is missing": {func(_ *testing.T, aws *awsfake.AWS, _ *registrytest.Registry) {
			aws.Run("TheAlpha", "$LATEST", digest("a"))
			aws.Remove("TheBeta")
			i := &aws.Repository(awsfake.Private, "ai-social-media-lambda-light").Images[7]
			i.Tags = append(i.Tags, "beta-live")
		}, "ci: find the images that functions run: TheBeta does not exist in eu-west-3, but the tag beta-live says that it ran an image; "},
		"a function that was never released is missing": {func(_ *testing.T, aws *awsfake.AWS, _ *registrytest.Registry) {
			aws.Run("TheAlpha", "$LATEST", digest("a"))
			aws.Remove("TheBeta")
		}, ""},
		"a function is renamed, and not yet made": {func(t *testing.T, aws *awsfake.AWS, r *registrytest.Registry) {
			former := beta
			former.Lambda = "TheFormer"
			record(t, aws, r, "1111111", former)
			i := &aws.Repository(awsfake.Private, "ai-social-media-lambda-light").Images[7]
			i.Tags = append(i.Tags, "beta-live")
			aws.Remove("TheBeta")
			aws.Run("TheFormer", "$LATEST", digest("8"))
		}, ""},
		"the records cannot be read": {func(t *testing.T, aws *awsfake.AWS, r *registrytest.Registry) {
			record(t, aws, r, "1111111", beta)
			r.Fail(func(_ registrytest.Request, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
				w.WriteHeader(http.StatusForbidden)
				return true
			})
		}, "ci: read the release records: find the release records: "},
		"the records are in another registry": {func(t *testing.T, aws *awsfake.AWS, r *registrytest.Registry) {
			record(t, aws, registrytest.New(t), "1111111", beta)
		}, " does not have those that AWS lists; pass the right registry with --private-registry; nothing was changed\n"},
		"the registry has other records": {func(t *testing.T, aws *awsfake.AWS, r *registrytest.Registry) {
			other := awsfake.Handler()
			other.Add(awsfake.Private, "ai-social-media-lambda-light")
			record(t, other, r, "2222222", beta)
			record(t, aws, registrytest.New(t), "1111111", beta)
		}, " does not have those that AWS lists; "},
	} {
		t.Run(name, func(t *testing.T) {
			aws, root := newRetentionStand(t)
			r := registrytest.New(t)
			test.change(t, aws, r)

			got := command(t, root, "retention", "--region", "eu-west-3", "--private-registry", r.Host)

			if test.message == "" {
				require.Equal(t, exitDone, got.code, got.stderr)
				return
			}
			assert.Equal(t, exitFailed, got.code)
			assert.Contains(t, got.stderr, test.message)
			nothingChanged(t, aws)
		})
	}
}

// The live tag moves on with the function; the image of a version stays.
func TestRetentionShieldsTheImageOfAVersionByItsDigest(t *testing.T) {
	aws, root := newRetentionStand(t)
	private := aws.Repository(awsfake.Private, "ai-social-media-lambda-light")
	private.Images[7].Tags = append(private.Images[7].Tags, "beta-live")
	private.Images[0].Tags = append(private.Images[0].Tags, "beta-latest")

	got := command(t, root, "retention")

	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, left(aws, awsfake.Private, "ai-social-media-lambda-light")["8"], "beta-888888888888-live", "beta-live protects it only until the next deploy")
}

func TestRetentionOfWhatWasRemoved(t *testing.T) {
	stand := func(t *testing.T) (*awsfake.AWS, *registrytest.Registry, string) {
		aws, root := newRetentionStand(t)
		for tier, name := range map[string]string{awsfake.Private: "ai-social-media-lambda-light", awsfake.Public: "lambda-light"} {
			repository := aws.Repository(tier, name)
			repository.Images = append(repository.Images,
				awsfake.Image{Digest: digest("a"), Tags: []string{"former-000000a", "former-latest"}, Pushed: time.Now(), Size: 1_000_000},
				awsfake.Image{Digest: digest("b"), Tags: []string{"former-000000b"}, Pushed: time.Now().Add(-time.Hour), Size: 1_000_000},
				awsfake.Image{Digest: digest("c"), Tags: []string{"former-000000c", "beta-000000c"}, Pushed: time.Now(), Size: 1_000_000})
		}
		aws.Add(awsfake.Private, "ai-social-media-lambda-heavy", awsfake.Image{Digest: digest("d"), Tags: []string{"beta-000000d"}, Pushed: time.Now(), Size: 2_000_000})
		return aws, registrytest.New(t), root
	}
	former := func(after string) history.Function {
		return history.Function{Image: "former", Lambda: "TheFormer", After: after}
	}
	of := func(aws *awsfake.AWS, tier, name string) string {
		return strings.Join(slices.Sorted(maps.Keys(left(aws, tier, name))), "")
	}

	t.Run("they are listed, and stay", func(t *testing.T) {
		aws, _, root := stand(t)
		got := command(t, root, "retention")
		require.Equal(t, exitDone, got.code, got.stderr)
		assert.Contains(t, got.stdout, "! ai-social-media-lambda-light: 3 images of former, 3.0 MB; the catalog has no such image here, so no rule deletes them; to delete those that no function runs: bin/ci retention --removed former\n")
		assert.Contains(t, got.stdout, "! lambda-light: 3 images of former, 3.0 MB; ")
		assert.Contains(t, got.stdout, "ai-social-media-lambda-heavy: no function needs this repository\n", "beta was heavy once")
		assert.Contains(t, got.stdout, "! ai-social-media-lambda-heavy: 1 image of beta, 2.0 MB; ")
		assert.Contains(t, of(aws, awsfake.Private, "ai-social-media-lambda-light"), "abc")
		assert.Contains(t, of(aws, awsfake.Public, "lambda-light"), "abc")
	})
	t.Run("they are deleted when asked", func(t *testing.T) {
		aws, _, root := stand(t)
		got := command(t, root, "retention", "--removed", "former,beta")
		require.Equal(t, exitDone, got.code, got.stderr)
		assert.Equal(t, "12345678c", of(aws, awsfake.Private, "ai-social-media-lambda-light"))
		assert.Equal(t, []string{"beta-000000c"}, left(aws, awsfake.Private, "ai-social-media-lambda-light")["c"], "the image is of beta too")
		assert.NotContains(t, of(aws, awsfake.Public, "lambda-light"), "a")
		assert.Equal(t, []string{"beta-000000c"}, left(aws, awsfake.Public, "lambda-light")["c"])
		assert.Contains(t, of(aws, awsfake.Public, "lambda-light"), "1", "beta is still in the catalog there")
		assert.Empty(t, of(aws, awsfake.Private, "ai-social-media-lambda-heavy"))
	})
	t.Run("what still runs stays", func(t *testing.T) {
		aws, r, root := stand(t)
		record(t, aws, r, "000000a", former(digest("a")))
		aws.Run("TheFormer", "$LATEST", digest("b"))
		got := command(t, root, "retention", "--removed", "former", "--private-registry", r.Host)
		require.Equal(t, exitDone, got.code, got.stderr)
		assert.Contains(t, left(aws, awsfake.Private, "ai-social-media-lambda-light")["b"], "former-bbbbbbbbbbbb-live")
		assert.NotContains(t, of(aws, awsfake.Private, "ai-social-media-lambda-light"), "a")
		assert.Contains(t, of(aws, awsfake.Public, "lambda-light"), "b")
	})
	t.Run("a live tag without a record", func(t *testing.T) {
		aws, _, root := stand(t)
		private := aws.Repository(awsfake.Private, "ai-social-media-lambda-light")
		i := slices.IndexFunc(private.Images, func(i awsfake.Image) bool { return i.Digest == digest("b") })
		private.Images[i].Tags = append(private.Images[i].Tags, "former-live")
		got := command(t, root, "retention", "--removed", "former")
		assert.Equal(t, exitFailed, got.code)
		assert.Contains(t, got.stderr, "ci: delete the images of former in ai-social-media-lambda-light: the tag former-live says that a function ran one, and no release record says which function; ")
		nothingChanged(t, aws)
	})
	t.Run("a name that has no images", func(t *testing.T) {
		aws, _, root := stand(t)
		got := command(t, root, "retention", "--removed", "formr")
		assert.Equal(t, exitUsage, got.code)
		assert.Equal(t, "ci: --removed: no repository has images of \"formr\" that the catalog does not want there; these have images: beta, former\n", got.stderr)
		nothingChanged(t, aws)
	})
}

// Release records that rollback does not read, and tags that shield what it cannot use, go.
func TestRetentionOfOldRecordsAndShields(t *testing.T) {
	aws, root := newRetentionStand(t)
	r := registrytest.New(t)
	const name = "ai-social-media-lambda-light"
	private := aws.Repository(awsfake.Private, name)
	for n, letter := range []string{"4", "5", "6"} {
		private.Images[3+n].Tags = append(private.Images[3+n].Tags, "beta-"+strings.Repeat(letter, 12)+"-live")
	}
	private.Images[6].Tags = append(private.Images[6].Tags, "beta-live")
	var tags []string
	for n := range history.DefaultRecent + 3 {
		after := digest("5")
		if n == 0 {
			after = digest("4") // no record that is read names it
		}
		tags = append(tags, record(t, aws, r, fmt.Sprintf("%07x", n), history.Function{Image: "beta", Lambda: "TheBeta", Before: after, After: after}))
	}

	got := command(t, root, "retention", "--private-registry", r.Host)

	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, name+": 5 tags of release records and of images that ran go, which no rollback can use: beta-444444444444-live beta-666666666666-live ")
	var records []string
	for _, i := range private.Images {
		if strings.HasPrefix(i.Tags[0], "release-") {
			records = append(records, i.Tags[0])
		}
	}
	assert.Equal(t, tags[3:], records)
	kept := map[string][]string{}
	for _, i := range private.Images[:8] {
		kept[i.Digest[len("sha256:"):][:1]] = i.Tags
	}
	assert.Equal(t, []string{"beta-0000004"}, kept["4"])
	assert.Equal(t, []string{"beta-0000005", "beta-555555555555-live"}, kept["5"], "a rollback can use it")
	assert.Equal(t, []string{"beta-0000006"}, kept["6"])
	assert.Equal(t, []string{"beta-0000007", "beta-live"}, kept["7"], "deploy moves this one")
}

func TestRetentionRecoversFromThrottling(t *testing.T) {
	aws, root := newRetentionStand(t)
	aws.Fail("ecrpublic.BatchDeleteImage", awsfake.Throttling)
	aws.Fail("lambda.GetFunction", awsfake.Failure{Status: 429, Code: "TooManyRequestsException", Message: "Rate exceeded"})
	got := command(t, root, "retention")
	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Len(t, left(aws, awsfake.Public, "lambda-light"), 6)
}
