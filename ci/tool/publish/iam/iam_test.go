package iam_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/iam"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// docs/aws is what the command prints for this repository.
func TestTheDocumentsOfThisRepository(t *testing.T) {
	c, err := catalog.Load("../../../..")
	require.NoError(t, err)
	made := map[string][]byte{}
	for _, role := range iam.Roles {
		made["policy-"+role], err = iam.Policy(c, role, nil)
		require.NoError(t, err)
		made["trust-"+role], err = iam.Trust(c, role, nil)
		require.NoError(t, err)
	}
	made["repository-policy"], err = iam.Policy(c, iam.Repository, nil)
	require.NoError(t, err)

	for name, content := range made {
		testkit.Golden(t, "../../../../../docs/aws/"+name+".json", content)
	}
	files, err := filepath.Glob("../../../../docs/aws/*.json")
	require.NoError(t, err)
	assert.Len(t, made, len(files), "a file in docs/aws is of no role")
}

func TestAnotherWorkspace(t *testing.T) {
	for name, c := range map[string]struct {
		catalog catalog.Catalog
		has     []string
		hasNot  []string
	}{
		"private only, without a prefix": {
			catalog.Catalog{Functions: []catalog.Function{{Image: "a", Variant: catalog.Light, Registry: catalog.Private, Lambda: "One"}}},
			[]string{`"arn:aws:ecr:eu-central-1:<account>:repository/lambda-private-light"`, `:function:One"`, `:function:One:*"`},
			[]string{"ecr-public", "GetServiceBearerToken", "heavy", "<functions>", "<region>"},
		},
		"public, with a prefix": {
			catalog.Catalog{Functions: []catalog.Function{{Image: "a", Variant: catalog.Heavy, Registry: catalog.Public, Lambda: "MyOne"}},
				Pipeline: catalog.Pipeline{LambdaPrefix: "My"}},
			[]string{"repository/lambda-heavy", "repository/lambda-private-heavy", ":function:My*", "GetServiceBearerToken"},
			[]string{"light", "MyOne"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := ""
			for _, role := range iam.Roles {
				content, err := iam.Policy(&c.catalog, role, iam.Blanks{"region": "eu-central-1", "account": ""})
				require.NoError(t, err)
				all += string(content)
			}
			for _, want := range c.has {
				assert.Contains(t, all, want)
			}
			for _, not := range c.hasNot {
				assert.NotContains(t, all, not)
			}
		})
	}
	several, err := iam.Policy(&catalog.Catalog{Functions: []catalog.Function{{Image: "a", Variant: catalog.Light, Registry: catalog.Private, Lambda: "One"}}},
		"publish", iam.Blanks{"region": "eu-central-1,us-east-1"})
	require.NoError(t, err)
	for _, region := range []string{"eu-central-1", "us-east-1"} {
		assert.Contains(t, string(several), `"arn:aws:ecr:`+region+`:<account>:repository/lambda-private-light"`)
		assert.Contains(t, string(several), `"arn:aws:signer:`+region+`:<account>:/signing-profiles/*"`)
	}
	assert.NotContains(t, string(several), "<region>")
	assert.NotContains(t, string(several), "eu-central-1,us-east-1")
	assert.Equal(t, 3, strings.Count(string(several), `"Resource"`))
	_, err = os.Stat("policies/policy-" + iam.Repository + ".json")
	require.ErrorIs(t, err, os.ErrNotExist)
	content, err := iam.Policy(&catalog.Catalog{}, iam.Repository, iam.Blanks{"functions-account": "222222222222"})
	require.NoError(t, err)
	assert.Contains(t, string(content), "222222222222:function:*")
	assert.Equal(t, 1, strings.Count(string(content), "<region>"))
}
