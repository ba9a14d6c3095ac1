package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/reference"
)

const light = "lambda-private-light"

// staging is another account that deploys from the registry.
var staging = reference.Side{Account: "222222222222", Region: here.Region}

// tagged gives an image of the private repository, by the first digit of its digest, a tag.
func tagged(aws *awsfake.AWS, letter, tag string) {
	images := aws.Repository(awsfake.Private, light).Images
	for n := range images {
		if images[n].Digest == digest(letter) {
			images[n].Tags = append(images[n].Tags, tag)
		}
	}
}

// What functions of another account run is live, though nobody here can ask them.
func TestRetentionRespectsOtherAccounts(t *testing.T) {
	t.Parallel()
	aws, root := newRetentionStand(t)
	r := registrytest.New(t)
	tagged(aws, "6", reference.LiveTag("beta", staging))
	tagged(aws, "7", reference.ShieldTag("beta", digest("7"), staging))
	tagged(aws, "4", reference.ShieldTag("beta", digest("4"), here))
	old := reference.ShieldTag("beta", digest("5"), reference.Side{})
	tagged(aws, "5", old)
	function := history.Function{Image: "beta", Lambda: "TheBeta", After: digest("1")}
	for n := range 2 {
		for range history.DefaultRecent {
			function.Before = digest([]string{"1", "2"}[n])
			record(t, aws, r, "111111"+[]string{"1", "2"}[n], function)
		}
	}
	theirs := recordOf(t, aws, r, staging, "3333333", function)

	got := with(aws).in(t, root, "retention", "--private-registry", r.Host, "--region", here.Region)

	require.Equal(t, exitDone, got.code, got.stderr)
	kept := map[string][]string{}
	for _, i := range aws.Repository(awsfake.Private, light).Images {
		if i.Digest == digest(i.Digest[len(i.Digest)-1:]) { // no record
			kept[i.Digest[len(i.Digest)-1:]] = i.Tags
		}
	}
	assert.Contains(t, kept["6"], reference.LiveTag("beta", staging))
	assert.Contains(t, kept["7"], reference.ShieldTag("beta", digest("7"), staging), "a version there may run it")
	assert.NotContains(t, kept["4"], reference.ShieldTag("beta", digest("4"), here), "no version here runs it")
	assert.Contains(t, kept["5"], old, "it may be of the other account")
	public := left(aws, awsfake.Public, "lambda-light")
	assert.Contains(t, public, "6", "ECR Public has no live tags")
	assert.Contains(t, public, "7")
	records := map[string]bool{}
	for _, i := range aws.Repository(awsfake.Private, light).Images {
		for _, tag := range i.Tags {
			records[tag] = true
		}
	}
	assert.True(t, records[theirs], "the other account can roll back")

	removed := with(aws).in(t, root, "retention", "--removed", "beta", "--private-registry", r.Host, "--region", here.Region)
	assert.Equal(t, exitUsage, removed.code, "beta is in the catalog")
}

// An account that only has the registry has no functions; a wrong region looks the same, but
// then records and tags are of this account.
func TestRetentionInAnAccountWithoutFunctions(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		side    reference.Side
		message string
	}{
		"the functions are in another account": {staging, ""},
		"the functions are in another region":  {reference.Side{Account: here.Account, Region: "us-east-1"}, "pass the region of the functions with --region"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			aws, root := newRetentionStand(t)
			aws.Remove("TheBeta")
			r := registrytest.New(t)
			tagged(aws, "8", reference.LiveTag("beta", test.side))
			recordOf(t, aws, r, test.side, "1111111", history.Function{Image: "beta", Lambda: "TheBeta", After: digest("8")})

			got := with(aws).in(t, root, "retention", "--private-registry", r.Host, "--region", here.Region)

			if test.message != "" {
				assert.Equal(t, exitFailed, got.code)
				assert.Contains(t, got.stderr, test.message)
				nothingChanged(t, aws)
				return
			}
			require.Equal(t, exitDone, got.code, got.stderr)
			assert.Contains(t, left(aws, awsfake.Public, "lambda-light"), "8", "it is live there")
			assert.NotContains(t, left(aws, awsfake.Public, "lambda-light"), "7")
		})
	}
}

// A removed function may still run in another account.
func TestRemovedAndLiveElsewhere(t *testing.T) {
	t.Parallel()
	aws, root := newRetentionStand(t)
	private := aws.Repository(awsfake.Private, light)
	private.Images = append(private.Images, awsfake.Image{Digest: digest("a"), Tags: []string{"former-000000a", reference.LiveTag("former", staging)}})
	r := registrytest.New(t)
	record(t, aws, r, "1111111", history.Function{Image: "former", Lambda: "TheFormer", After: digest("b")})

	got := with(aws).in(t, root, "retention", "--removed", "former", "--private-registry", r.Host, "--region", here.Region)

	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "the tag former-222222222222-eu-west-3-live says that a function of another account or region runs one")
	nothingChanged(t, aws)
}
