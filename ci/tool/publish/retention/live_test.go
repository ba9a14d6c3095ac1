package retention

import (
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/reference"
)

// AWS does not list the version that calls run on Managed Instances; its image is live.
func TestFindLiveOnManagedInstances(t *testing.T) {
	digest := func(text string) string { return testkit.Digest(text).String() }
	for title, test := range map[string]struct {
		versions map[string]string
		want     []string
	}{
		"published":                 {map[string]string{"$LATEST": "new", "1": "old", latestPublished: "served"}, []string{"$LATEST new", "$LATEST.PUBLISHED served", "1 old"}},
		"no function of the kind":   {map[string]string{"$LATEST": "new", "1": "old"}, []string{"$LATEST new", "1 old"}},
		"what is served is unknown": {map[string]string{"$LATEST": "new", latestPublished: "unknown"}, nil},
	} {
		t.Run(title, func(t *testing.T) {
			aws := awsfake.New(t)
			names := map[string]string{}
			for version, text := range test.versions {
				names[digest(text)] = version + " " + text
				of := digest(text)
				if text == "unknown" {
					of = text
				}
				aws.Run("It", version, of)
			}
			s, err := awsauth.New(t.Context(), "")
			require.NoError(t, err)

			live, err := FindLive(t.Context(), lambda.NewFromConfig(s.Config), reference.Side{}, []Function{{Image: "it", Lambda: "It"}}, nil)

			if test.want == nil {
				require.ErrorContains(t, err, "version $LATEST.PUBLISHED: the answer of AWS does not say which image it runs; "+errUnknown)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, l := range live {
				got = append(got, names[l.Digest])
			}
			slices.Sort(got)
			assert.Equal(t, test.want, got)
		})
	}
}
