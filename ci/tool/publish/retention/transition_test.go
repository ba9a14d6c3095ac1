package retention

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/ecrapi"
)

// archiving is a rule that moves images to the archive class, as AWS documents it.
func archiving(priority int, selection string) string {
	return fmt.Sprintf(`{"rulePriority": %d, "selection": {%s}, "action": {"type": "transition", "targetStorageClass": "archive"}}`, priority, selection)
}

func TestLiveImagesThatARuleArchives(t *testing.T) {
	const shield = `{"rulePriority": 1, "selection": {"tagStatus": "tagged", "tagPatternList": ["*-live"], "countType": "imageCountMoreThan", "countNumber": 9999}, "action": {"type": "expire"}}`
	const pulled = `"countType": "sinceImagePulled", "countUnit": "days", "countNumber": 90`
	live := []Image{{Digest: "sha256:live", Tags: []string{"thumb-abc1234", "thumb-live"}}, {Digest: "sha256:old", Tags: []string{"thumb-0000000"}}}
	for name, c := range map[string]struct {
		rules string
		when  string // "" if nothing is archived that runs
	}{
		"all that nobody pulls":              {archiving(1, `"tagStatus": "any", `+pulled), "rule 1 of the lifecycle policy archives 90 days after its last pull"},
		"what is old":                        {archiving(7, `"tagStatus": "tagged", "tagPatternList": ["thumb-*"], "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 1`), "rule 7 of the lifecycle policy archives 1 day after its push"},
		"all but the newest":                 {archiving(1, `"tagStatus": "tagged", "tagPrefixList": ["thumb-"], "countType": "imageCountMoreThan", "countNumber": 2`), "rule 1 of the lifecycle policy archives when the rule has 2 newer images"},
		"what AWS will add":                  {archiving(1, `"tagStatus": "any", "countType": "sinceImageLoved", "countNumber": 3`), "rule 1 of the lifecycle policy archives by sinceImageLoved 3"},
		"a rule before it keeps it":          {archiving(2, `"tagStatus": "any", `+pulled) + ", " + shield, ""},
		"other patterns":                     {archiving(1, `"tagStatus": "tagged", "tagPatternList": ["thumb-*", "*-test"], `+pulled), ""},
		"other prefixes":                     {archiving(1, `"tagStatus": "tagged", "tagPrefixList": ["video-"], `+pulled), ""},
		"what has no tag":                    {archiving(1, `"tagStatus": "untagged", `+pulled), ""},
		"a rule about archived images":       {archiving(1, `"tagStatus": "any", "storageClass": "archive", "countType": "sinceImageTransitioned", "countUnit": "days", "countNumber": 90`), ""},
		"it is deleted, which retention has": {`{"rulePriority": 1, "selection": {"tagStatus": "any", ` + pulled + `}, "action": {"type": "expire"}}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := transitions("a", `{"rules": [`+c.rules+`]}`, live, map[string]string{"sha256:live": "TheThumb:7"})

			if c.when == "" {
				assert.Empty(t, got)
				return
			}
			assert.Equal(t, []string{"a: TheThumb:7 runs sha256:live, which " + c.when + ", so Lambda could not pull it again; put a rule before it that keeps *-live"}, got)
		})
	}
	assert.Empty(t, transitions("a", "no JSON", live, map[string]string{"sha256:live": "TheThumb:7"}))
}

// Retention replaces such a policy; where the catalog wants none, it says so all the same.
func TestRetentionNamesLiveImagesThatARuleArchives(t *testing.T) {
	aws := awsfake.New(t)
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	aws.Add(awsfake.Private, "a", awsfake.Image{Digest: "sha256:1", Tags: []string{"thumb-0000001"}, Pushed: now})
	aws.Repository(awsfake.Private, "a").Policy = `{"rules": [` + archiving(1, `"tagStatus": "any", "countType": "sinceImagePulled", "countUnit": "days", "countNumber": 30`) + `]}`
	listed, err := ecrapi.Images(t.Context(), s.ECR, "a")
	require.NoError(t, err)
	facts := Facts{Now: now, Live: []Live{{Image: "thumb", Digest: "sha256:1", Lambda: "TheThumb:7", Version: "7"}}}
	for policy, end := range map[string]string{"{\n}\n": "keeps *-live, as the policy does that this command sets", "": "keeps *-live"} {
		c, err := PlanPrivate(t.Context(), s.ECR, Repository{Name: "a", Images: listed, Names: Names{All: []string{"thumb"}}, Left: []string{"thumb"}, Policy: policy}, facts)

		require.NoError(t, err)
		require.Len(t, c.Warnings, 1)
		assert.Equal(t, "a: TheThumb:7 runs sha256:1, which rule 1 of the lifecycle policy archives 30 days after its last pull, so Lambda could not pull it again; put a rule before it that "+end, c.Warnings[0])
	}
}
