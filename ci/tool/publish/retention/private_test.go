package retention

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// A deploy may tag an image as live while retention runs.
func TestAnImageThatGetsATagMeanwhileStays(t *testing.T) {
	aws := awsfake.New(t)
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	var images []awsfake.Image
	for age := range Keep + 3 {
		images = append(images, awsfake.Image{Digest: fmt.Sprint("sha256:", age), Tags: []string{fmt.Sprintf("thumb-%07x", age), fmt.Sprintf("thumb-%07x", 16+age)},
			Pushed: now.Add(-time.Duration(age) * time.Hour)})
	}
	images = append(images, awsfake.Image{Digest: "sha256:untagged", Pushed: now.AddDate(0, -1, 0)}, awsfake.Image{Digest: "sha256:other", Tags: []string{"video-0000001"}})
	aws.Add(awsfake.Private, "a", images...)
	listed, err := ecrapi.Images(t.Context(), s.ECR, "a")
	require.NoError(t, err)
	names := []string{"thumb", "video"}
	c, err := PlanPrivate(t.Context(), s.ECR, Repository{Name: "a", Images: listed, Names: Names{All: names}, Left: names[:1]}, Facts{Now: now})
	require.NoError(t, err)
	count, _ := deletes(c.Images)
	require.Equal(t, 3, count)

	meanwhile := &aws.Repository(awsfake.Private, "a").Images[Keep]
	meanwhile.Tags = append(meanwhile.Tags, "thumb-live")
	require.NoError(t, ApplyPrivate(t.Context(), s.ECR, c))
	var left []string
	for _, i := range aws.Repository(awsfake.Private, "a").Images {
		left = append(left, i.Digest)
	}
	assert.Equal(t, []string{"sha256:0", "sha256:1", "sha256:2", "sha256:3", "sha256:4", "sha256:5", "sha256:untagged", "sha256:other"}, left)
}

func TestRetentionSaysForWhichPlatform(t *testing.T) {
	r := Result{Private: []Change{{Repository: "a", Shields: []Shield{{Tag: "thumb-live", Digest: "sha256:1", Lambda: "Thumb:1"}}}}, Public: []Pruning{{Repository: "b", Images: []Verdict{{Image: Image{Digest: "sha256:2"}}, {Image: Image{Digest: "sha256:3"}}}}}}
	r.ReadPlatforms(func(_ string, tier catalog.Registry, repository string, digests []string) map[string]string {
		if tier == catalog.Private {
			assert.Equal(t, []string{"a", "sha256:1"}, append([]string{repository}, digests...))
			return map[string]string{"sha256:1": "linux/arm64"}
		}
		return map[string]string{"sha256:2": "linux/amd64"}
	})
	var out bytes.Buffer
	require.NoError(t, r.Table(&out))
	assert.Contains(t, out.String(), "a: Thumb:1 runs sha256:1 for linux/arm64; the tag thumb-live protects it\n")
	assert.Regexp(t, `(?m)^b +sha256:2 .* linux/amd64$`, out.String())
	assert.Regexp(t, `(?m)^b +sha256:3 .* unknown$`, out.String())
}

// What somebody's rule has archived does not count among the images that are kept, and stays; that
// a function runs it is said.
func TestArchivedImages(t *testing.T) {
	aws := awsfake.New(t)
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	var images []awsfake.Image
	for age := range Keep + 2 {
		i := awsfake.Image{Digest: fmt.Sprint("sha256:", age), Tags: []string{fmt.Sprintf("thumb-%07x", age)}, Pushed: now.Add(-time.Duration(age) * time.Hour), Size: 1e6}
		if age < 2 {
			i.Status = "ARCHIVED"
		}
		images = append(images, i)
	}
	aws.Add(awsfake.Private, "a", images...)
	listed, err := ecrapi.Images(t.Context(), s.ECR, "a")
	require.NoError(t, err)
	require.Len(t, listed, Keep+2, "archived ones too")

	c, err := PlanPrivate(t.Context(), s.ECR, Repository{Name: "a", Images: listed, Names: Names{All: []string{"thumb"}}, Left: []string{"thumb"}},
		Facts{Now: now, Live: []Live{{Image: "thumb", Digest: "sha256:1", Lambda: "TheThumb:7", Version: "7"}}})

	require.NoError(t, err)
	count, _ := deletes(c.Images)
	assert.Zero(t, count)
	assert.Len(t, c.Archived, 2)
	require.Len(t, c.Warnings, 1)
	assert.Contains(t, c.Warnings[0], "a: TheThumb:7 runs sha256:1, which is archived (ARCHIVED), so Lambda cannot pull it again; restore it: aws ecr update-image-storage-class --repository-name a --image-id imageDigest=sha256:1 ")
	var out bytes.Buffer
	require.NoError(t, Result{Private: []Change{c}}.Table(&out))
	assert.Contains(t, out.String(), "a: 2 images of 2.0 MB are archived; they do not count here, and stay\n")
}
