package awsfake

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestLimits(t *testing.T) {
	list := func(n int) []any { return make([]any, n) }
	policy := func(rules int) string {
		return `{"rules":[` + strings.TrimSuffix(strings.Repeat(`{"rulePriority":1},`, rules), ",") + `]}` + strings.Repeat(" ", 100)
	}
	for name, test := range map[string]struct {
		input map[string]any
		field string // that the error names; "" if AWS accepts the input
	}{
		"100 images":                 {map[string]any{"imageIds": list(100)}, ""},
		"101 images":                 {map[string]any{"imageIds": list(101)}, "imageIds"},
		"no images":                  {map[string]any{"imageIds": list(0)}, "imageIds"},
		"101 layers":                 {map[string]any{"layerDigests": list(101)}, "layerDigests"},
		"101 repositories":           {map[string]any{"repositoryNames": list(101)}, "repositoryNames"},
		"a page of 1,000":            {map[string]any{"maxResults": 1000.0, "nextToken": "1"}, ""},
		"a page of 1,001":            {map[string]any{"maxResults": 1001.0}, "maxResults"},
		"a page of images":           {map[string]any{"imageIds": list(1), "nextToken": "1"}, "imageIds"},
		"a policy of 50 rules":       {map[string]any{"lifecyclePolicyText": policy(50)}, ""},
		"a policy of 51 rules":       {map[string]any{"lifecyclePolicyText": policy(51)}, "LifecyclePolicyText"},
		"a policy without rules":     {map[string]any{"lifecyclePolicyText": policy(0)}, "LifecyclePolicyText"},
		"a policy of 31,000 letters": {map[string]any{"lifecyclePolicyText": policy(1) + strings.Repeat(" ", 31000)}, "LifecyclePolicyText"},
		"a long description":         {map[string]any{"catalogData": map[string]any{"description": strings.Repeat("a", 1025)}}, "catalogData.description"},
	} {
		t.Run(name, func(t *testing.T) {
			got := exceeded(test.input)
			if test.field == "" {
				assert.Equal(t, Failure{}, got)
				return
			}
			assert.Equal(t, "InvalidParameterException", got.Code)
			assert.Contains(t, got.Message, "'"+test.field+"'")
		})
	}
}
