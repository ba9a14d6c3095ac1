package mediakey_test

import (
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
)

func TestCheck(t *testing.T) {
	for name, test := range map[string]struct {
		session, key string
		ok           bool
	}{
		"file in a folder":       {"s1", "s1/originals/a.jpg", true},
		"file below the session": {"s1", "s1/a.jpg", true},
		"spaces and umlauts":     {"s1", "s1/originals/Größe 1.jpg", true},
		"dots in a name":         {"s1", "s1/originals/a..b.jpg", true},
		"longest":                {"s1", "s1/" + strings.Repeat("a", 897), true},
		"too long":               {"s1", "s1/" + strings.Repeat("a", 898), false},
		"the session itself":     {"s1", "s1", false},
		"the session's folder":   {"s1", "s1/", false},
		"another session":        {"s1", "s2/a.jpg", false},
		"a longer session":       {"s1", "s10/a.jpg", false},
		"leaves the session":     {"s1", "s1/../s2/a.jpg", false},
		"has .. inside":          {"s1", "s1/a/../b.jpg", false},
		"single dot":             {"s1", "s1/./a.jpg", false},
		"double slash":           {"s1", "s1//a.jpg", false},
		"absolute":               {"s1", "/s1/a.jpg", false},
		"backslash":              {"s1", `s1\a.jpg`, false},
		"newline":                {"s1", "s1/a\n.jpg", false},
		"zero byte":              {"s1", "s1/a\x00.jpg", false},
		"not UTF-8":              {"s1", "s1/\xff.jpg", false},
		"empty key":              {"s1", "", false},
		"empty session":          {"", "/a.jpg", false},
		"session of dots":        {"..", "../a.jpg", false},
		"session with slash":     {"a/b", "a/b/c.jpg", false},
		"session too long":       {strings.Repeat("s", 65), strings.Repeat("s", 65) + "/a", false},
	} {
		t.Run(name, func(t *testing.T) {
			err := mediakey.Check(test.session, test.key)
			if test.ok {
				require.NoError(t, err)
				return
			}
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
		})
	}
}

func TestParts(t *testing.T) {
	for key, want := range map[string]struct{ folder, base, thumbnail string }{
		"s1/originals/a.jpg":    {"originals", "a", "s1/thumbnails/a.jpg"},
		"s1/a.tar.gz":           {"", "a.tar", "s1/thumbnails/a.tar.jpg"},
		"s1/originals/.hidden":  {"originals", ".hidden", "s1/thumbnails/.hidden.jpg"},
		"s1/originals/x/b.heic": {"originals", "b", "s1/thumbnails/b.jpg"},
	} {
		assert.Equal(t, want.folder, mediakey.Folder(key), key)
		assert.Equal(t, want.base, mediakey.Base(key), key)
		assert.Equal(t, want.thumbnail, mediakey.Thumbnail("s1", key), key)
	}
}

func TestCheckJob(t *testing.T) {
	require.NoError(t, mediakey.CheckJob("job-1", 999))
	for _, test := range []struct {
		id    string
		index int
	}{{"", 0}, {"a#b", 0}, {"a", -1}, {"a", 1000}} {
		assert.Equal(t, fault.InvalidInput, fault.KindOf(mediakey.CheckJob(test.id, test.index)), "%+v", test)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("s1", "s1/originals/a.jpg")
	f.Add("s1", "s1/../s2/a.jpg")
	f.Fuzz(func(t *testing.T, session, key string) {
		if mediakey.Check(session, key) != nil {
			return
		}
		assert.True(t, strings.HasPrefix(path.Join("/root", key), path.Join("/root", session)+"/"))
		require.NoError(t, mediakey.Check(session, mediakey.Thumbnail(session, key)))
	})
}
