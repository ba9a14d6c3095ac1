package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
)

// mirrored makes the stand-in of AWS know what is pushed to the registries, and refuse what
// exceeds its limits.
func mirrored(t *testing.T) stand {
	t.Helper()
	s := newStand(t)
	s.aws.PageSize = 1000
	s.aws.Add(awsfake.Private, "lambda-private-light")
	s.aws.Add(awsfake.Public, "lambda-light")
	s.private.Fail(func(_ registrytest.Request, w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		return s.aws.Pushed(awsfake.Private, "", w, r)
	})
	s.public.Fail(func(_ registrytest.Request, w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
		return s.aws.Pushed(awsfake.Public, "alias/", w, r)
	})
	return s
}

// image is the image of beta in a repository.
func (s stand) image(tier, name string) *awsfake.Image {
	images := s.aws.Repository(tier, name).Images
	return &images[slices.IndexFunc(images, func(i awsfake.Image) bool {
		return slices.ContainsFunc(i.Tags, func(tag string) bool { return strings.HasPrefix(tag, "beta-") })
	})]
}

// Every commit adds a tag to an image that does not change, and AWS accepts a thousand.
func TestPublishMakesRoomForTags(t *testing.T) {
	t.Parallel()
	s := mirrored(t)
	told := ""
	commits := func(from, to int) {
		for n := from; n < to; n++ {
			got := s.publish(t, "--commit", fmt.Sprintf("%07x", 0xa000000+n))
			require.Equal(t, exitDone, got.code, got.stderr)
			told += got.stderr
		}
	}
	commits(0, 3)
	most := 0
	for round := range 2 { // each adds hundreds of commits; what is published in between is the 600th and so on
		for tier, name := range map[string]string{awsfake.Private: "lambda-private-light", awsfake.Public: "lambda-light"} {
			image := s.image(tier, name)
			for n := range 799 - len(image.Tags) {
				image.Tags = append(image.Tags, fmt.Sprintf("beta-b%d%05x", round, n))
			}
		}
		commits(10*round+3, 10*round+8)
		most = max(most, len(s.image(awsfake.Private, "lambda-private-light").Tags))
	}
	assert.Contains(t, told, " tags of old commits from "+s.image(awsfake.Private, "lambda-private-light").Digest[:19]+" in "+s.private.Host+"/lambda-private-light: AWS accepts no more than 1000 on an image\n")
	assert.Less(t, most, 300, "each round removed hundreds")
	for tier, name := range map[string]string{awsfake.Private: "lambda-private-light", awsfake.Public: "lambda-light"} {
		image := s.image(tier, name)
		assert.Contains(t, image.Tags, "beta-a000011", "the last commit")
		assert.Contains(t, image.Tags, "beta-a000010", "and those before")
		assert.Contains(t, image.Tags, "beta-latest")
	}
}

// A role of before may not list images. Its publish goes on, and says what is missing.
func TestPublishThatMayNotCountTags(t *testing.T) {
	t.Parallel()
	s := mirrored(t)
	got := s.publish(t, "--commit", "aaaaaaa")
	require.Equal(t, exitDone, got.code, got.stderr)
	s.aws.Fail("ecr.DescribeImages", awsfake.AccessDenied)

	got = s.publish(t, "--commit", "bbbbbbb")

	assert.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stderr, "ci: warning: count the tags of images of "+s.private.Host+"/lambda-private-light: ")
	assert.Contains(t, got.stderr, "is not authorized; the caller needs ecr:DescribeImages: compare its policy with docs/aws; without that, nothing makes room for tags\n")
}

// At the limit, the error names the image and says what to do. It says nothing of a login.
func TestTheLimitOfTags(t *testing.T) {
	t.Parallel()
	s := mirrored(t)
	got := s.publish(t, "--commit", "aaaaaaa")
	require.Equal(t, exitDone, got.code, got.stderr)
	image := s.image(awsfake.Private, "lambda-private-light")
	for n := len(image.Tags); n < 1000; n++ {
		image.Tags = append(image.Tags, fmt.Sprintf("mine%d", n)) // retention does not remove these
	}

	got = s.publish(t, "--commit", "bbbbbbb")

	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "ci: publish beta: tag beta-bbbbbbb in "+s.private.Host+"/lambda-private-light: ")
	assert.Contains(t, got.stderr, "The image with digest '"+image.Digest+"' in the repository with name 'lambda-private-light' already has the maximum allowed number of tags which is '1000'; this is a limit of the registry: at ECR, `bin/ci retention` removes tags and images that nothing needs\n")
	assert.NotContains(t, got.stderr, "login")
	assert.Contains(t, got.stderr, "ci: no latest tag was moved; the same command fails again until that is changed, and then continues where it stopped\n")
}

// The figures of a year: 1,200 commits and their documents, on one image that never changes.
func TestRetentionOfAYearOfCommits(t *testing.T) {
	t.Parallel()
	s := mirrored(t)
	got := s.publish(t, "--commit", "aaaaaaa")
	require.Equal(t, exitDone, got.code, got.stderr)
	start := time.Now().AddDate(-1, 0, 0)
	private := s.aws.Repository(awsfake.Private, "lambda-private-light")
	beta := s.image(awsfake.Private, "lambda-private-light")
	digest := beta.Digest
	s.aws.Run("TheBeta", "$LATEST", digest)
	beta.Pushed = start
	var documents []awsfake.Image
	for n := range 900 {
		commit := fmt.Sprintf("%07x", 0xb000000+n*7919%1000) // in an order that is not that of the names
		beta.Tags = append(beta.Tags, "beta-"+commit)
		documents = append(documents, awsfake.Image{Digest: fmt.Sprintf("sha256:%064x", n), Pushed: start.Add(time.Duration(n) * time.Hour), Size: 1000,
			Manifest: fmt.Sprintf(`{"schemaVersion":2,"artifactType":"application/vnd.in-toto+json","subject":{"digest":%q,"size":1},"annotations":{"internal.lambdas.commit":%q}}`, digest, commit)})
	}
	slices.Reverse(beta.Tags) // AWS promises no order
	private.Images = append(private.Images, documents...)

	got = s.environment.in(t, s.root, "retention", "--private-registry", s.private.Host, "--public-registry", s.public.Host+"/alias")

	require.Equal(t, exitDone, got.code, got.stderr)
	beta = s.image(awsfake.Private, "lambda-private-light")
	assert.Less(t, len(beta.Tags), 110)
	assert.Contains(t, beta.Tags, "beta-aaaaaaa")
	for n := range 900 {
		tag := fmt.Sprintf("beta-%07x", 0xb000000+n*7919%1000)
		if n >= 900-99 {
			assert.Contains(t, beta.Tags, tag, "commit %d", n)
		} else {
			assert.NotContains(t, beta.Tags, tag, "commit %d", n)
		}
	}
	left := 0
	for _, i := range private.Images {
		if i.Size == 1000 && len(i.Tags) == 0 {
			left++
		}
	}
	assert.Equal(t, 99, left, "the documents of the others go with their tags")
}
