package retention

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
)

// ECR's replication copies the tags of one region into the repositories of another, and deletes
// none: they would shield images there for ever.
func TestTagsOfOtherSides(t *testing.T) {
	here := reference.Side{Account: "123456789012", Region: "eu-central-1"}
	digest := testkit.Digest("an image").String()
	for name, c := range map[string]struct {
		side     reference.Side
		live     bool // a function here runs it
		recorded bool
		old      bool // its shield is removed
		removed  string
	}{
		"of this region, and nothing runs it":         {here, false, false, true, "shield"},
		"of this region, and a function runs it":      {here, true, false, false, "shield"},
		"of this region, and a record has it":         {here, false, true, false, "shield"},
		"of another account":                          {reference.Side{Account: "222222222222", Region: here.Region}, false, false, false, "elsewhere"},
		"copied from another region":                  {reference.Side{Account: here.Account, Region: "us-east-1"}, false, false, true, ""},
		"copied from another region, and it runs":     {reference.Side{Account: here.Account, Region: "us-east-1"}, true, false, false, ""},
		"copied from another region, and in a record": {reference.Side{Account: here.Account, Region: "us-east-1"}, false, true, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			images := []Image{{Digest: digest, Tags: []string{"api-1111111", reference.ShieldTag("api", digest, c.side)}}}
			f := Facts{Side: here, Records: Records{Digests: map[string]bool{digest: c.recorded}}}
			f.Elsewhere = f.FindElsewhere(images)
			if c.live {
				f.Live = []Live{{Image: "api", Digest: digest, Lambda: "Api:1"}}
			}

			old := f.old(images, Names{All: []string{"api"}})
			gone := removed(images, Names{}, here)

			assert.Equal(t, c.old, len(old) == 1)
			assert.Equal(t, c.removed != "", gone[0].live != "", "a function may run one")
			assert.Equal(t, c.removed == "elsewhere", gone[0].elsewhere != "")
		})
	}
}
