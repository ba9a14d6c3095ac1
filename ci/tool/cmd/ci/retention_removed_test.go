package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/reference"
)

func TestRetentionOfWhatWasRemoved(t *testing.T) {
	t.Parallel()
	stand := func(t *testing.T) (*awsfake.AWS, *registrytest.Registry, string) {
		aws, root := newRetentionStand(t)
		for tier, name := range map[string]string{awsfake.Private: "lambda-private-light", awsfake.Public: "lambda-light"} {
			repository := aws.Repository(tier, name)
			repository.Images = append(repository.Images,
				awsfake.Image{Digest: digest("a"), Tags: []string{"former-000000a", "former-latest"}, Pushed: time.Now(), Size: 1_000_000},
				awsfake.Image{Digest: digest("b"), Tags: []string{"former-000000b"}, Pushed: time.Now().Add(-time.Hour), Size: 1_000_000},
				awsfake.Image{Digest: digest("c"), Tags: []string{"former-000000c", "beta-000000c"}, Pushed: time.Now(), Size: 1_000_000})
		}
		aws.Add(awsfake.Private, "lambda-private-heavy", awsfake.Image{Digest: digest("d"), Tags: []string{"beta-000000d"}, Pushed: time.Now(), Size: 2_000_000})
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
		got := with(aws).in(t, root, "retention")
		require.Equal(t, exitDone, got.code, got.stderr)
		assert.Contains(t, got.stdout, "! lambda-private-light: 3 images of former, 3.0 MB; the catalog has no such image here, so no rule deletes them; to delete those that no function runs: bin/ci retention --removed former\n")
		assert.Contains(t, got.stdout, "! lambda-light: 3 images of former, 3.0 MB; ")
		assert.Contains(t, got.stdout, "lambda-private-heavy: no function needs this repository\n", "beta was heavy once")
		assert.Contains(t, got.stdout, "! lambda-private-heavy: 1 image of beta, 2.0 MB; ")
		assert.Contains(t, of(aws, awsfake.Private, "lambda-private-light"), "abc")
		assert.Contains(t, of(aws, awsfake.Public, "lambda-light"), "abc")
	})
	t.Run("they are deleted when asked", func(t *testing.T) {
		aws, _, root := stand(t)
		got := with(aws).in(t, root, "retention", "--removed", "former,beta")
		require.Equal(t, exitDone, got.code, got.stderr)
		assert.Equal(t, "12345678c", of(aws, awsfake.Private, "lambda-private-light"))
		assert.Equal(t, []string{"beta-000000c"}, left(aws, awsfake.Private, "lambda-private-light")["c"], "the image is of beta too")
		assert.NotContains(t, of(aws, awsfake.Public, "lambda-light"), "a")
		assert.Equal(t, []string{"beta-000000c"}, left(aws, awsfake.Public, "lambda-light")["c"])
		assert.Contains(t, of(aws, awsfake.Public, "lambda-light"), "1", "beta is still in the catalog there")
		assert.Empty(t, of(aws, awsfake.Private, "lambda-private-heavy"))
	})
	t.Run("what still runs stays", func(t *testing.T) {
		aws, r, root := stand(t)
		record(t, aws, r, "000000a", former(digest("a")))
		aws.Run("TheFormer", "$LATEST", digest("b"))
		got := with(aws).in(t, root, "retention", "--removed", "former", "--private-registry", r.Host, "--region", here.Region)
		require.Equal(t, exitDone, got.code, got.stderr)
		assert.Contains(t, left(aws, awsfake.Private, "lambda-private-light")["b"], reference.ShieldTag("former", digest("b"), here))
		assert.NotContains(t, of(aws, awsfake.Private, "lambda-private-light"), "a")
		assert.Contains(t, of(aws, awsfake.Public, "lambda-light"), "b")
	})
	t.Run("a live tag without a record", func(t *testing.T) {
		aws, _, root := stand(t)
		private := aws.Repository(awsfake.Private, "lambda-private-light")
		i := slices.IndexFunc(private.Images, func(i awsfake.Image) bool { return i.Digest == digest("b") })
		private.Images[i].Tags = append(private.Images[i].Tags, "former-live")
		got := with(aws).in(t, root, "retention", "--removed", "former")
		assert.Equal(t, exitFailed, got.code)
		assert.Contains(t, got.stderr, "ci: delete the images of former in lambda-private-light: the tag former-live says that a function ran one, and no release record says which function; ")
		nothingChanged(t, aws)
	})
	t.Run("a name that has no images", func(t *testing.T) {
		aws, _, root := stand(t)
		got := with(aws).in(t, root, "retention", "--removed", "formr")
		assert.Equal(t, exitUsage, got.code)
		assert.Equal(t, "ci: --removed: no repository has images of \"formr\" that the catalog does not want there; these have images: beta, former\n", got.stderr)
		nothingChanged(t, aws)
	})
}

// Release records that rollback does not read, and tags that shield what it cannot use, go.
func TestRetentionOfOldRecordsAndShields(t *testing.T) {
	t.Parallel()
	aws, root := newRetentionStand(t)
	r := registrytest.New(t)
	const name = "lambda-private-light"
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

	got := with(aws).in(t, root, "retention", "--private-registry", r.Host, "--region", here.Region)

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
