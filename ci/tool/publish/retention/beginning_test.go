package retention

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// ECR has no pattern for the tags of todo that are not those of todo-async: the policy has a
// rule for the longer name only, and the images of the shorter one are judged by exact tags.
func TestANameThatIsTheBeginningOfAnother(t *testing.T) {
	functions := []catalog.Function{{Image: "todo", Variant: catalog.Light}, {Image: "todo-async", Variant: catalog.Light}}
	text, left, ok := Policy(functions, catalog.Light, 2)
	require.True(t, ok)
	assert.Equal(t, []string{"todo"}, left)
	assert.Contains(t, text, `"todo-async-*"`)
	assert.NotContains(t, text, `"todo-*"`)

	images := aged("todo-0000001", "todo-async-0000001", "todo-0000002", "todo-async-0000002", "todo-async-0000003", "todo-0000003", "todo-0000004 todo-live")
	gone := expires(t, text, images, now)
	for _, v := range (rules{[]string{"todo", "todo-async"}, []string{"todo-async"}, nil, nil, now, 2}).judgeTagged(images) {
		if v.Delete {
			assert.False(t, gone[v.Digest], "both delete it")
			gone[v.Digest] = true
		}
	}
	assert.Equal(t, map[string]bool{images[4].Digest: true, images[5].Digest: true}, gone, "two of each name are kept, and what is live")

	_, left, _ = Policy([]catalog.Function{functions[0], {Image: "todo-async", Variant: catalog.Heavy}}, catalog.Light, 2)
	assert.Empty(t, left, "the other name is in another repository")
}
