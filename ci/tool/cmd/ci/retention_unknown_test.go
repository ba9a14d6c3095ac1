package main

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
)

// nothingChanged fails if a call changed something.
func nothingChanged(t *testing.T, aws *awsfake.AWS) {
	t.Helper()
	for _, operation := range []string{"ecr.PutImage", "ecr.PutLifecyclePolicy", "ecr.BatchDeleteImage", "ecrpublic.BatchDeleteImage"} {
		assert.Empty(t, aws.Calls(operation), operation)
	}
}

// here is the account and region of the credentials.
var here = reference.Side{Account: awsfake.Account, Region: "eu-west-3"}

// record writes a release record as a deploy does, and tells the stand-in of AWS of it.
func record(t *testing.T, aws *awsfake.AWS, r *registrytest.Registry, commit string, functions ...history.Function) string {
	t.Helper()
	return recordOf(t, aws, r, here, commit, functions...)
}

// recordOf is record for the functions of a side.
func recordOf(t *testing.T, aws *awsfake.AWS, r *registrytest.Registry, side reference.Side, commit string, functions ...history.Function) string {
	t.Helper()
	const name = "lambda-private-light"
	store := history.NewStore(registry.NewClient(registry.Options{}), []string{r.Direct + "/" + name}, side)
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
	t.Parallel()
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
		}, "-1111111-123456789012-eu-west-3 says that it ran beta; create it again, or remove the folder of beta from functions/ if it is gone for good; it is unknown"},
		"a function with a live tag is missing": {func(_ *testing.T, aws *awsfake.AWS, _ *registrytest.Registry) {
			aws.Run("TheAlpha", "$LATEST", digest("a"))
			aws.Remove("TheBeta")
			i := &aws.Repository(awsfake.Private, "lambda-private-light").Images[7]
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
			i := &aws.Repository(awsfake.Private, "lambda-private-light").Images[7]
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
			other.Add(awsfake.Private, "lambda-private-light")
			record(t, other, r, "2222222", beta)
			record(t, aws, registrytest.New(t), "1111111", beta)
		}, " does not have those that AWS lists; "},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aws, root := newRetentionStand(t)
			r := registrytest.New(t)
			test.change(t, aws, r)

			got := with(aws).in(t, root, "retention", "--region", "eu-west-3", "--private-registry", r.Host)

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
	t.Parallel()
	aws, root := newRetentionStand(t)
	private := aws.Repository(awsfake.Private, "lambda-private-light")
	private.Images[7].Tags = append(private.Images[7].Tags, "beta-live")
	private.Images[0].Tags = append(private.Images[0].Tags, "beta-latest")

	got := with(aws).in(t, root, "retention")

	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, left(aws, awsfake.Private, "lambda-private-light")["8"], "beta-888888888888-123456789012-eu-central-1-live", "beta-live protects it only until the next deploy")
}
