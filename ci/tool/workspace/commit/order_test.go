package commit

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCompare(t *testing.T) {
	r := newRepository(t, map[string]string{"a": "a"})
	one := r.git("rev-parse", "HEAD")
	two := r.commit()
	r.git("checkout", "-q", "-b", "branch", one)
	r.write("branch", "x")
	branch := r.commit()
	r.git("checkout", "-q", "main")
	three := r.commit()
	shallow := t.TempDir()
	r.git("clone", "-q", "--depth=2", "--branch=main", "file://"+r.root, shallow)
	single := t.TempDir()
	r.git("clone", "-q", "--single-branch", "--branch=main", "file://"+r.root, single)
	const gone = "0123456789abcdef0123456789abcdef01234567"

	for name, c := range map[string]struct {
		root, named, other string
		want               Order
		why                string
	}{
		"later":                        {r.root, three, one, After, ""},
		"later, by short names":        {r.root, three[:7], one[:8], After, ""},
		"earlier":                      {r.root, one, three, Before, ""},
		"the same, short and full":     {r.root, two[:7], two, Same, ""},
		"on another branch":            {r.root, branch, two, Apart, ""},
		"a complete clone without it":  {single, three, branch, Elsewhere, ""},
		"a commit that is not here":    {r.root, gone, one, Unknown, "this repository does not have commit " + gone + "; fetch it: git fetch"},
		"within a shallow clone":       {shallow, three, two, After, ""},
		"below the end of a shallow":   {shallow, three, one, Unknown, "this clone is shallow; fetch its history: git fetch --unshallow"},
		"a name that is no commit":     {r.root, three, "main", Unknown, `"main" is not a commit; pass 7 to 40 digits of 0-9 and a-f, as ` + "`git rev-parse --short HEAD` prints them"},
		"no repository":                {t.TempDir(), three, one, Unknown, "there is no git repository here"},
		"the same, without repository": {t.TempDir(), three, three[:9], Same, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got, why, err := Compare(t.Context(), c.root, c.named, c.other)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
			assert.Equal(t, c.why, why)
		})
	}
}

func TestCommitted(t *testing.T) {
	r := newRepository(t, map[string]string{"a": "a"})
	r.git("config", "log.showSignature", "true")
	r.write("raw", "tree "+r.git("rev-parse", "HEAD^{tree}")+"\nauthor t <t> 1600000000 +0200\ncommitter t <t> 1700000000 +0200\n\nx\n")

	got, err := Committed(t.Context(), r.root, r.git("hash-object", "-w", "-t", "commit", "--literally", "raw"))

	require.NoError(t, err)
	assert.Equal(t, time.Date(2023, 11, 14, 22, 13, 20, 0, time.UTC), got)
	_, err = Committed(t.Context(), t.TempDir(), "HEAD")
	require.ErrorIs(t, err, ErrNoRepository)
}
