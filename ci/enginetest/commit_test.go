package enginetest

import (
	"cmp"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// noWorkspace matches what Dagger 1.0 says first where there is no git repository: it does
// not look for dagger.toml there.
var noWorkspace = regexp.MustCompile(`^\s*No workspace config found, .*\n.*\n`)

// A commit's name belongs to its content: the commit must be checked out, and must hold
// what is built. There is no registry: if the commit is good, publish says so.
func TestCommitMustHoldWhatIsBuilt(t *testing.T) {
	const (
		changes = "the work tree has uncommitted changes; commit them, or pass --allow-dirty (the first: M functions/media-lambda/main.go)"
		edit    = "echo >>functions/media-lambda/main.go"
		good    = "" // the registry is asked, or refused images of another base
	)
	for name, c := range map[string]struct {
		commit string // a revision before the change (default: HEAD)
		change string // a script
		in     string // the folder of the call
		source string // another source than the repository's
		args   []string
		want   string
	}{
		"HEAD":                     {want: good},
		"detached HEAD":            {change: "git checkout -q --detach", want: good},
		"an earlier commit":        {change: "git commit -q --allow-empty -m second", want: " is not what is checked out here, "},
		"a commit that is nowhere": {commit: strings.Repeat("a", 40), want: "names no commit of this repository"},
		"an edited file":           {change: edit, want: changes},
		"an edited file, allowed":  {change: edit, args: []string{"--allow-dirty"}, want: good},
		"an edited file that git skips": {change: "git update-index --assume-unchanged functions/media-lambda/main.go; " + edit,
			want: "functions/media-lambda/main.go is not as in commit"},
		"an ignored file": {change: "echo extra.go >.git/info/exclude; echo package main >functions/media-lambda/extra.go",
			want: "functions/media-lambda/extra.go is built into an image, but is not in commit"},
		"an ignored file that nothing reads": {change: "echo extra.txt >.git/info/exclude; echo >functions/media-lambda/extra.txt", want: good},
		"another source": {change: "mkdir .git/other; cp -r ci functions shared go.work go.work.sum .git/other; cd .git/other; " + edit, source: ".git/other",
			want: changes},
		"a shallow clone":              {change: "git clone -q --depth 1 file://$PWD clone; git -C clone remote remove origin", in: "clone", want: good},
		"a linked work tree":           {change: "git worktree add -q linked", in: "linked", want: `pass --git "$(git rev-parse --git-common-dir)"`},
		"a linked work tree, with git": {change: "git worktree add -q linked", in: "linked", args: []string{"--git", "../.git"}, want: good},
		"a linked work tree, edited":   {change: "git worktree add -q linked; cd linked; " + edit, in: "linked", args: []string{"--git", "../.git"}, want: changes},
		"no repository":                {change: "rm -r .git", want: "there is no git repository here that says which commit this is"},
		"no repository, allowed":       {change: "rm -r .git", args: []string{"--allow-dirty"}, want: good},
	} {
		t.Run(name, func(t *testing.T) {
			dir, git := repository(t)
			call := slices.Concat([]string{"call"}, references(), []string{"--private-registry", "registry.invalid/x", "--public-registry", "registry.invalid/x"})
			call = append(call, "publish", "--dry-run", "--only", "api", "--commit", git("rev-parse", cmp.Or(c.commit, "HEAD")))
			if c.source != "" {
				call = append(call, "--source", c.source)
			}
			change := exec.CommandContext(t.Context(), "sh", "-ec", c.change)
			change.Dir, change.Env = dir, append(change.Environ(), identity...)
			out, err := change.CombinedOutput()
			require.NoError(t, err, "%s", out)

			_, stderr, err := engine{}.daggerIn(t, filepath.Join(dir, c.in), append(call, c.args...)...)

			require.Error(t, err)
			stderr = noWorkspace.ReplaceAllString(stderr, "")
			said, _, _ := strings.Cut(stderr, "\nnothing was published; ") // and whether the same call goes on
			if c.want == good {
				assert.Regexp(t, `lookup registry\.invalid|its base is not known to be the pinned one`, oneLine(t, said))
				return
			}
			assert.Contains(t, oneLine(t, said), c.want)
		})
	}
}
