package handoff_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy/handoff"
	"lambdas.internal/ci/tool/internal/testkit"
)

var images = handoff.Images{Commit: "abc1234", Images: []handoff.Image{
	{Lambda: "Api_Handler", Image: "api", Repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/light", Digest: "sha256:1",
		URI: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/light@sha256:1", Architecture: "x86_64"},
	{Lambda: "Thumb", Image: "thumb", Repository: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/heavy", Digest: "sha256:2",
		URI: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team/heavy@sha256:2", Architecture: "arm64"},
}}

func TestFormats(t *testing.T) {
	for _, format := range handoff.Formats {
		t.Run(format, func(t *testing.T) {
			var b bytes.Buffer
			require.NoError(t, images.Write(&b, format))
			testkit.Golden(t, format+".golden", b.Bytes())
			if format != "tfvars" {
				assert.True(t, json.Valid(b.Bytes()))
			}
		})
	}
}

// Terraform's own parser reads the example and the variables, and the variables are those that
// the example declares.
func TestTheExampleOfTerraform(t *testing.T) {
	example, problems := hclsyntax.ParseConfig(testkit.Source(t, "../../../..", "docs/infrastructure/main.tf"), "main.tf", hcl.InitialPos)
	require.False(t, problems.HasErrors(), problems.Error())
	declared := map[string]bool{}
	for _, block := range example.Body.(*hclsyntax.Body).Blocks {
		if block.Type == "variable" {
			declared[block.Labels[0]] = true
		}
	}
	var b bytes.Buffer
	require.NoError(t, images.Write(&b, "tfvars"))
	variables, problems := hclsyntax.ParseConfig(b.Bytes(), "images.auto.tfvars", hcl.InitialPos)
	require.False(t, problems.HasErrors(), problems.Error())
	attributes, problems := variables.Body.JustAttributes()
	require.False(t, problems.HasErrors(), problems.Error())
	require.NotEmpty(t, attributes)
	for name, a := range attributes {
		assert.True(t, declared[name], "%s is not a variable of the example", name)
		value, problems := a.Expr.Value(nil)
		require.False(t, problems.HasErrors(), problems.Error())
		first := value.AsValueMap()["Api_Handler"].AsValueMap()
		assert.Equal(t, images.Images[0].URI, first["image_uri"].AsString())
		assert.Equal(t, "x86_64", first["architecture"].AsString())
	}
}
