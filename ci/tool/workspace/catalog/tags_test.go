package catalog

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestReadTags(t *testing.T) {
	for title, test := range map[string]struct {
		tags                 Tags
		tag                  string
		name, commit, latest string
	}{
		"commit":                      {tag: "todo-async-0123abc", name: "todo-async", commit: "0123abc"},
		"commit of a name with hex":   {tag: "face-0123abc-0123abd", name: "face-0123abc", commit: "0123abd"},
		"latest":                      {tag: "todo-latest", latest: "todo"},
		"live":                        {tag: "todo-live"},
		"another":                     {tag: "v1.2.3"},
		"a commit alone":              {tag: "0123abc"},
		"a short commit":              {tag: "todo-0123"},
		"a dot":                       {tags: Tags{Commit: "{name}.{commit}"}, tag: "todo.0123abc", name: "todo", commit: "0123abc"},
		"a dot that is missing":       {tags: Tags{Commit: "{name}.{commit}"}, tag: "todo-0123abc"},
		"a word":                      {tags: Tags{Commit: "{name}-git-{commit}"}, tag: "todo-git-0123abc", name: "todo", commit: "0123abc"},
		"a word for latest":           {tags: Tags{Latest: "{name}-main"}, tag: "todo-main", latest: "todo"},
		"latest, of another pattern":  {tags: Tags{Latest: "{name}-main"}, tag: "todo-latest"},
		"two hyphens":                 {tags: Tags{Commit: "{name}--{commit}"}, tag: "todo--0123abc", name: "todo", commit: "0123abc"},
		"two hyphens, of another one": {tags: Tags{Commit: "{name}--{commit}"}, tag: "todo-0123abc"},
	} {
		t.Run(title, func(t *testing.T) {
			name, commit, ok := test.tags.Read(test.tag)
			require.Equal(t, test.name != "", ok)
			if ok {
				assert.Equal(t, []string{test.name, test.commit}, []string{name, commit})
				assert.Equal(t, test.tag, test.tags.OfCommit(name, commit))
			}
			latest, ok := test.tags.ReadLatest(test.tag)
			require.Equal(t, test.latest != "", ok)
			if ok {
				assert.Equal(t, test.latest, latest)
				assert.Equal(t, test.tag, test.tags.OfLatest(latest))
			}
		})
	}
}

// TestTagsAreReadInOneWay makes patterns that are accepted, and reads what they write.
func TestTagsAreReadInOneWay(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	text := func(letters string, most int) string {
		var b strings.Builder
		for range r.IntN(most + 1) {
			b.WriteByte(letters[r.IntN(len(letters))])
		}
		return b.String()
	}
	accepted := 0
	for range 20_000 {
		tags := Tags{Commit: "{name}" + text("ab0-._", 4) + "{commit}", Latest: "{name}" + text("ab0-._", 9)}
		fine := true
		tags.check(func(string, string, ...any) { fine = false })
		if !fine {
			continue
		}
		accepted++
		name := "n" + strings.Trim(text("ab0", 3)+"-"+text("ab0", 3), "-")
		commit := "abcdef0" + text("abcdef0123456789", 33)
		gotName, gotCommit, ok := tags.Read(tags.OfCommit(name, commit))
		require.True(t, ok, "%+v %s %s", tags, name, commit)
		require.Equal(t, []string{name, commit}, []string{gotName, gotCommit}, "%+v", tags)
		_, ok = tags.ReadLatest(tags.OfCommit(name, commit))
		require.False(t, ok, "%+v %s %s", tags, name, commit)
		latest, ok := tags.ReadLatest(tags.OfLatest(name))
		require.True(t, ok, "%+v %s", tags, name)
		require.Equal(t, name, latest)
		_, _, ok = tags.Read(tags.OfLatest(name))
		require.False(t, ok, "%+v %s", tags, name)
		require.LessOrEqual(t, len(tags.OfCommit(strings.Repeat("n", maxImageName), strings.Repeat("a", 40))), 128)
	}
	require.Greater(t, accepted, 100)
}
