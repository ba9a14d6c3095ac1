package commit

import (
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

func TestChoose(t *testing.T) {
	root := t.TempDir()
	_, err := Choose(t.Context(), root, "", false)
	require.ErrorContains(t, err, "find the commit: run git: ")
	require.ErrorContains(t, err, "pass one with --commit")
	got, err := Choose(t.Context(), root, "abc1234", false)
	require.NoError(t, err, "a build container has no git work tree")
	assert.Equal(t, "abc1234", got)

	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", root, "-c", "user.name=t", "-c", "user.email=t@test.invalid", "-c", "commit.gpgsign=false"}, args...)...).CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	file := filepath.Join(root, "file")
	require.NoError(t, os.WriteFile(file, []byte("one"), 0o644))
	git("init", "-q")
	git("add", "-A")
	git("commit", "-qm", "one")
	head := git("rev-parse", "HEAD")
	got, err = Choose(t.Context(), root, "", false)
	require.NoError(t, err)
	assert.Equal(t, head[:7], got)

	require.NoError(t, os.WriteFile(file, []byte("two"), 0o644))
	for _, named := range []string{"", "abc1234"} {
		_, err = Choose(t.Context(), root, named, false)
		require.ErrorIs(t, err, ErrDirty)
		require.ErrorContains(t, err, "(the first: M file)")
		_, err = Choose(t.Context(), root, named, true)
		require.NoError(t, err)
	}
	git("checkout", "-q", "file")
	require.NoError(t, os.WriteFile(filepath.Join(root, "new"), nil, 0o644))
	_, err = Choose(t.Context(), root, "", false)
	require.ErrorIs(t, err, ErrDirty, "an untracked file is part of a build too")
}

func TestResolve(t *testing.T) {
	root := t.TempDir()
	_, err := Resolve(t.Context(), root, "HEAD")
	require.ErrorContains(t, err, `find the commit of "HEAD": run git: `)
	git := func(args ...string) string {
		out, err := exec.Command("git", append([]string{"-C", root, "-c", "user.name=t", "-c", "user.email=t@test.invalid", "-c", "commit.gpgsign=false", "-c", "tag.gpgsign=false"}, args...)...).CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "-b", "main")
	git("commit", "-q", "--allow-empty", "-m", "one")
	one := git("rev-parse", "HEAD")
	git("tag", "-a", "v1", "-m", "a tag object, which is not the commit")
	git("commit", "-q", "--allow-empty", "-m", "two")
	two := git("rev-parse", "HEAD")

	for revision, want := range map[string]string{"main": two, "HEAD~1": one, "v1": one, two[:9]: two} {
		got, err := Resolve(t.Context(), root, revision)
		require.NoError(t, err, revision)
		assert.Equal(t, want, got, revision)
	}
	for _, revision := range []string{"gone", "--all", "", "HEAD:file"} {
		_, err := Resolve(t.Context(), root, revision)
		require.Error(t, err, revision)
		assert.NotContains(t, err.Error(), "\n")
		assert.Equal(t, fmt.Sprintf("%q names no commit of this repository; name a commit, branch or tag that it has, or fetch it", revision), err.Error())
	}
}
