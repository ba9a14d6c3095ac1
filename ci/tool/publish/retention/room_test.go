package retention

import (
	"fmt"
	"testing"
	"time"

	awssdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/reference"
)

// 1,200 commits publish an image that never changes, as `bin/ci publish` does: it counts the
// tags, makes room if there are many, and sets one more. The stand-in refuses the 1,001st.
func TestAnUnchangedImageIsPublishedWithoutEnd(t *testing.T) {
	aws := awsfake.New(t)
	aws.PageSize = 1000
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	const name, host, digest = "lambda-private-light", "here", "sha256:1111111111111111111111111111111111111111111111111111111111111111"
	start := time.Now().AddDate(-1, 0, 0)
	aws.Add(awsfake.Private, name, awsfake.Image{Digest: digest, Tags: []string{"beta-latest"}, Pushed: start})
	repository := aws.Repository(awsfake.Private, name)
	r := &ecrapi.Registry{Private: s.ECR, Public: s.Public, Hosts: reference.Hosts{Private: host}}
	rooms := 0
	for n := range 1200 {
		commit := fmt.Sprintf("%07x", 0xa000000+n)
		counts, err := r.TagCounts(t.Context(), host+"/"+name, []string{digest})
		require.NoError(t, err)
		if counts[digest] >= Crowded {
			rooms++
			surplus, err := PlanRoom(t.Context(), s.ECR, name, Names{All: []string{"beta"}}, []string{"a000005", commit})
			require.NoError(t, err)
			require.NoError(t, ApplySurplus(t.Context(), s.ECR, name, surplus))
		}
		_, err = s.ECR.PutImage(t.Context(), &ecr.PutImageInput{RepositoryName: awssdk.String(name), ImageTag: awssdk.String("beta-" + commit), ImageManifest: awssdk.String(digest)})
		require.NoError(t, err, "commit %d", n)
		repository.Images = append(repository.Images, awsfake.Image{Digest: fmt.Sprintf("sha256:%064x", 0x2000000+n), Pushed: start.Add(time.Duration(n) * time.Hour),
			Manifest: fmt.Sprintf(`{"schemaVersion":2,"subject":{"digest":%q},"annotations":{"internal.lambdas.commit":%q}}`, digest, commit)})
	}
	assert.Equal(t, 1, rooms, "one publish in hundreds makes room")
	tags := repository.Images[0].Tags
	assert.Contains(t, tags, "beta-a000005", "a release record names it")
	assert.NotContains(t, tags, "beta-a000006")
	assert.Contains(t, tags, "beta-a0004af")
	assert.Contains(t, tags, "beta-latest")
	assert.Len(t, repository.Images, len(tags)-1+1, "as many documents as commits, and the image")
}

func TestSurplus(t *testing.T) {
	const subject = "sha256:old"
	at := func(n int) time.Time { return now.Add(time.Duration(n-1000) * time.Hour) }
	tagged := func(from, to int) (tags []string) {
		for n := from; n < to; n++ {
			tags = append(tags, fmt.Sprintf("beta-%07x", n))
		}
		return tags
	}
	dated := func(from, to int) (images []Image, documents []Document) {
		for n := from; n < to; n++ {
			images = append(images, Image{Digest: fmt.Sprint(n), Pushed: at(n)})
			documents = append(documents, Document{fmt.Sprint(n), subject, fmt.Sprintf("%07x", n)})
		}
		return images, documents
	}
	for name, c := range map[string]struct {
		tags    []string
		dated   [2]int
		others  []Image
		records []string
		gone    []string // the first and the last one
		count   int
	}{
		"few tags":                             {tags: tagged(0, 100), dated: [2]int{0, 100}},
		"the oldest go":                        {tags: tagged(0, 150), dated: [2]int{0, 150}, gone: []string{"beta-0000000", "beta-0000031"}, count: 50},
		"not those of a release record":        {tags: tagged(0, 150), dated: [2]int{0, 150}, records: []string{"0000000abc", "000003"}, gone: []string{"beta-0000001", "beta-000002f"}, count: 47},
		"not that of another image":            {tags: tagged(0, 150), dated: [2]int{0, 150}, others: []Image{{Digest: "other", Tags: []string{"gamma-0000007"}, Pushed: at(7)}}, gone: []string{"beta-0000000", "beta-0000031"}, count: 49},
		"not what is no commit of a name here": {tags: append(tagged(0, 101), "beta-live", "mine", "gone-0000001"), dated: [2]int{0, 101}, gone: []string{"beta-0000000", "beta-0000000"}, count: 1},
		"a publish that runs has no document":  {tags: tagged(0, 150), dated: [2]int{0, 149}, gone: []string{"beta-0000000", "beta-0000030"}, count: 49},
		"no documents at all":                  {tags: tagged(0, 150)},
		"no documents, and many tags":          {tags: tagged(0, 500), count: -1},
	} {
		t.Run(name, func(t *testing.T) {
			images, documents := dated(c.dated[0], c.dated[1])
			images = append(images, Image{Digest: subject, Tags: c.tags, Pushed: at(0)})
			got := surplus(append(images, c.others...), Names{All: []string{"beta", "gamma"}}, documents, c.records)
			if c.count == 0 {
				assert.Empty(t, got)
				return
			}
			require.Len(t, got, 1)
			if c.count < 0 {
				assert.Greater(t, len(got[0].Tags), 250)
				assert.NotContains(t, got[0].Tags, c.tags[len(c.tags)-1], "the last of the list may be new")
				return
			}
			assert.Len(t, got[0].Tags, c.count)
			assert.Equal(t, c.gone[0], got[0].Tags[len(got[0].Tags)-1])
			assert.Equal(t, c.gone[1], got[0].Tags[0])
			assert.Len(t, got[0].Documents, c.count)
		})
	}
}
