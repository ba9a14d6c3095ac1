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
	text, left, ok := Policy(functions, catalog.Light, 2, catalog.Tags{})
	require.True(t, ok)
	assert.Equal(t, []string{"todo"}, left)
	assert.Contains(t, text, `"todo-async-*"`)
	assert.NotContains(t, text, `"todo-*"`)

	images := aged("todo-0000001", "todo-async-0000001", "todo-0000002", "todo-async-0000002", "todo-async-0000003", "todo-0000003", "todo-0000004 todo-live")
	gone := expires(t, text, images, now)
	for _, v := range (rules{Names{All: []string{"todo", "todo-async"}}, []string{"todo-async"}, nil, nil, now, 2}).judgeTagged(images) {
		if v.Delete {
			assert.False(t, gone[v.Digest], "both delete it")
			gone[v.Digest] = true
		}
	}
	assert.Equal(t, map[string]bool{images[4].Digest: true, images[5].Digest: true}, gone, "two of each name are kept, and what is live")

	_, left, _ = Policy([]catalog.Function{functions[0], {Image: "todo-async", Variant: catalog.Heavy}}, catalog.Light, 2, catalog.Tags{})
	assert.Empty(t, left, "the other name is in another repository")
}

// Other patterns of tags give each name a rule of its own, and the same images stay.
func TestTagsOfAnotherPattern(t *testing.T) {
	tags := catalog.Tags{Commit: "{name}.{commit}", Latest: "{name}_main"}
	functions := []catalog.Function{{Image: "todo", Variant: catalog.Light}, {Image: "todo-async", Variant: catalog.Light}}
	names := Names{[]string{"todo", "todo-async"}, tags}
	text, left, ok := Policy(functions, catalog.Light, 1, tags)
	require.True(t, ok)
	assert.Empty(t, left)
	assert.Contains(t, text, `"todo.*"`)
	assert.Contains(t, text, `"*_main"`)

	images := aged("todo.0000001", "todo.0000002", "todo-async.0000001", "todo.0000003 todo_main", "todo.0000004 todo-live", "todo-0000005", "todo-latest")
	want := map[string]bool{images[1].Digest: true}
	assert.Equal(t, want, expires(t, text, images, now))
	gone := map[string]bool{}
	for _, v := range (rules{names: names, now: now, keep: 1}).judge(images, nil) {
		if v.Delete {
			gone[v.Digest] = true
		}
	}
	assert.Equal(t, want, gone, "a tag of the pattern of before is of somebody else")
}
