package commit

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCheck(t *testing.T) {
	tests := map[string]bool{
		"abc1234": true, strings.Repeat("a", 40): true, "0123456789abcdef": true,
		"abc123": false, strings.Repeat("a", 41): false, "ABC1234": false, "abc123g": false, "": false, "main": false,
		"abc1234\n": false, "abc1234-dirty": false, "../abc1234": false,
	}
	for name, good := range tests {
		assert.Equal(t, good, Check(name) == nil, "%q", name)
	}
}

// repository is a git repository in a folder of a test.
type repository struct {
	t    *testing.T
	root string
}

func newRepository(t *testing.T, files map[string]string) repository {
	t.Helper()
	root, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	r := repository{t, root}
	r.git("init", "-q", "-b", "main")
	for name, content := range files {
		r.write(name, content)
	}
	r.commit()
	return r
}

func (r repository) git(args ...string) string {
	r.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", r.root, "-c", "user.name=t", "-c", "user.email=t@test.invalid",
		"-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false", "-c", "protocol.file.allow=always"}, args...)...)
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "GIT_") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	out, err := cmd.CombinedOutput()
	require.NoError(r.t, err, string(out))
	return strings.TrimSpace(string(out))
}

func (r repository) commit() string {
	r.t.Helper()
	r.git("add", "-A")
	r.git("commit", "-q", "--allow-empty", "-m", "a change")
	return r.git("rev-parse", "HEAD")
}

func (r repository) write(name, content string) {
	r.t.Helper()
	require.NoError(r.t, os.MkdirAll(filepath.Dir(filepath.Join(r.root, name)), 0o755))
	require.NoError(r.t, os.WriteFile(filepath.Join(r.root, name), []byte(content), 0o644))
}

func TestChooseWithoutARepository(t *testing.T) {
	root := t.TempDir()
	_, err := Choose(t.Context(), root, "", false)
	require.EqualError(t, err, "find the commit: there is no git repository here; pass one with --commit")
	got, err := Choose(t.Context(), root, "abc1234", false)
	require.NoError(t, err, "a build container has no repository")
	assert.Equal(t, "abc1234", got)
}

func TestChoose(t *testing.T) {
	r := newRepository(t, map[string]string{"file": "one"})
	first := r.git("rev-parse", "HEAD")
	r.write("file", "two")
	head := r.commit()
	for name, c := range map[string]struct {
		named  string
		change func()
		want   string
		err    string
	}{
		"HEAD":                     {want: head[:7]},
		"HEAD, named":              {named: head[:10], want: head[:10]},
		"HEAD, in full":            {named: head, want: head},
		"an earlier commit":        {named: first, err: "--commit " + first + " is not what is checked out here, which is " + head[:12] + " (for a pull request, CI checks out a merge commit of its own); leave --commit out, or check that commit out first: git checkout " + first},
		"a commit that is nowhere": {named: "abcdef1234567", err: `--commit: "abcdef1234567" names no commit of this repository; name a commit, branch or tag that it has, or fetch it`},
		"no commit at all":         {named: "main", err: `"main" is not a commit; pass 7 to 40 digits of 0-9 and a-f, as ` + "`git rev-parse --short HEAD` prints them"},
		"a change":                 {change: func() { r.write("file", "three") }, err: ErrDirty.Error() + " (the first: M file)"},
		"a new file":               {change: func() { r.write("new", "") }, err: ErrDirty.Error() + " (the first: ?? new)"},
		"a new file that the settings hide": {change: func() { r.git("config", "status.showUntrackedFiles", "no"); r.write("new", "") },
			err: ErrDirty.Error() + " (the first: ?? new)"},
		"variables of a hook, which name another repository": {change: func() {
			other := newRepository(t, nil)
			t.Setenv("GIT_DIR", filepath.Join(other.root, ".git"))
			t.Setenv("GIT_WORK_TREE", other.root)
			t.Setenv("GIT_INDEX_FILE", filepath.Join(other.root, ".git", "index"))
		}, want: head[:7]},
		"no git": {named: head, change: func() { t.Setenv("PATH", t.TempDir()) },
			err: "find the commit: " + r.root + " is a git repository, but git is not installed; install it, and add it to the PATH"},
		"a repository that git cannot read": {named: head, change: func() { r.write(".git/config", "[") },
			err: "find the commit: run git: bad config line"},
	} {
		t.Run(name, func(t *testing.T) {
			path := os.Getenv("PATH")
			kept, err := os.ReadFile(filepath.Join(r.root, ".git", "config"))
			require.NoError(t, err)
			if c.change != nil {
				c.change()
			}

			got, err := Choose(t.Context(), r.root, c.named, false)

			if c.err != "" {
				require.ErrorContains(t, err, c.err)
				assert.NotContains(t, err.Error(), "\n")
			} else {
				require.NoError(t, err)
				assert.Equal(t, c.want, got)
			}
			if errors.Is(err, ErrDirty) {
				_, err = Choose(t.Context(), r.root, c.named, true)
				require.NoError(t, err)
			}
			require.NoError(t, os.WriteFile(filepath.Join(r.root, ".git", "config"), kept, 0o644))
			require.NoError(t, os.Setenv("PATH", path))
			for _, v := range []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"} {
				require.NoError(t, os.Unsetenv(v))
			}
		})
		r.git("reset", "-q", "--hard")
		r.git("clean", "-qfd")
	}
}

func TestChooseInARepositoryOfAnotherUser(t *testing.T) {
	if os.Getuid() != 0 {
		t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1") // as git's own tests do
	}
	r := newRepository(t, nil)
	head := r.git("rev-parse", "HEAD")
	t.Setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
	t.Setenv("HOME", t.TempDir())
	for _, named := range []string{"", head} {
		_, err := Choose(t.Context(), r.root, named, false)

		require.ErrorContains(t, err, "because another user owns it; if you trust it: git config --global --add safe.directory "+r.root)
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestChooseBeforeTheFirstCommit(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, exec.Command("git", "init", "-q", root).Run())
	_, err := Choose(t.Context(), root, "", false)
	require.EqualError(t, err, "find the commit: "+root+" has no commit yet; commit first")
}

func TestResolve(t *testing.T) {
	_, err := Resolve(t.Context(), t.TempDir(), "HEAD")
	require.EqualError(t, err, `find the commit of "HEAD": there is no git repository here`)
	r := newRepository(t, nil)
	one := r.git("rev-parse", "HEAD")
	r.git("tag", "-a", "v1", "-m", "a tag object, which is not the commit")
	two := r.commit()

	for revision, want := range map[string]string{"main": two, "HEAD~1": one, "v1": one, two[:9]: two} {
		got, err := Resolve(t.Context(), r.root, revision)
		require.NoError(t, err, revision)
		assert.Equal(t, want, got, revision)
	}
	for _, revision := range []string{"gone", "--all", "", "HEAD:file"} {
		_, err := Resolve(t.Context(), r.root, revision)
		require.EqualError(t, err, fmt.Sprintf("%q names no commit of this repository; name a commit, branch or tag that it has, or fetch it", revision))
	}
}
