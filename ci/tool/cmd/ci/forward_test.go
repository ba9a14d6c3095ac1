package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
)

// line is a repository with commits, and a registry that they are published to.
type line struct {
	t        *testing.T
	root     string
	registry *registrytest.Registry
	at       int // seconds of the committer's clock
}

func newLine(t *testing.T) *line {
	l := &line{t: t, root: publishable(t, map[string]string{".gitignore": "/dist/\n/.cache/\n"}), registry: registrytest.New(t)}
	l.git("init", "-q", "-b", "main")
	return l
}

func (l *line) git(args ...string) string {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), "git", append([]string{"-C", l.root, "-c", "user.name=t", "-c", "user.email=t@test.invalid", "-c", "commit.gpgsign=false"}, args...)...)
	l.at++
	cmd.Env = append(os.Environ(), fmt.Sprintf("GIT_COMMITTER_DATE=%d +0000", 1_700_000_000+l.at))
	out, err := cmd.CombinedOutput()
	require.NoError(l.t, err, string(out))
	return strings.TrimSpace(string(out))
}

// commit makes a commit in which beta says word, and returns its short name.
func (l *line) commit(word string) string {
	l.t.Helper()
	l.write("functions/beta/main.go", fmt.Sprintf("package main\n\nfunc main() { println(%q) }\n", word))
	return l.committed()
}

func (l *line) committed() string {
	l.git("add", "-A")
	l.git("commit", "-qm", "next")
	return l.git("rev-parse", "--short=7", "HEAD")
}

func (l *line) write(name, content string) {
	require.NoError(l.t, os.WriteFile(filepath.Join(l.root, name), []byte(content), 0o644))
}

// run publishes what is checked out in a clone.
func (l *line) run(root string, args ...string) result {
	l.t.Helper()
	return command(l.t, root, append([]string{"publish", "--offline", "--private-registry", l.registry.Host, "--public-registry", l.registry.Host + "/alias"}, args...)...)
}

// publish checks a commit out and publishes it. It returns the last line of what was printed.
func (l *line) publish(commit string, args ...string) string {
	l.t.Helper()
	l.git("checkout", "-q", commit)
	got := l.run(l.root, args...)
	require.Equal(l.t, exitDone, got.code, got.stderr)
	lines := strings.Split(strings.TrimSpace(got.stdout), "\n")
	return lines[len(lines)-1]
}

// latest returns the commit that all latest tags are at, of those that are given.
func (l *line) latest(commits ...string) string {
	l.t.Helper()
	digest := func(repository, tag string) string {
		ref, err := name.ParseReference(l.registry.Direct + "/" + repository + ":" + tag)
		require.NoError(l.t, err)
		head, err := remote.Head(ref)
		if err != nil {
			return "none"
		}
		return head.Digest.String()
	}
	for _, c := range commits {
		if digest("lambda-private-light", "beta-latest") == digest("lambda-private-light", "beta-"+c) {
			assert.Equal(l.t, digest("lambda-private-light", "beta-latest"), digest("alias/lambda-light", "beta-latest"), "both registries")
			assert.Equal(l.t, digest("lambda-private-light", "alpha-latest"), digest("lambda-private-light", "alpha-"+c))
			return c
		}
	}
	return "none of these"
}

// A person publishes an old commit again, or one of a branch.
func TestLatestGoesForward(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	c1, c2 := l.commit("one"), l.commit("two")
	assert.NotContains(t, l.publish(c1), "latest stays")
	assert.NotContains(t, l.publish(c2), "latest stays")
	require.Equal(t, c2, l.latest(c1, c2))

	assert.Equal(t, fmt.Sprintf("latest stays at commit %s: commit %s comes before it; to move it all the same, pass --move-latest", c2, c1), l.publish(c1))
	require.Equal(t, c2, l.latest(c1, c2))
	assert.NotContains(t, l.publish(c1, "--move-latest"), "latest stays")
	require.Equal(t, c1, l.latest(c1, c2))
	l.publish(c2)
	require.Equal(t, c2, l.latest(c1, c2))

	l.git("checkout", "-q", "-b", "branch", c1)
	branch := l.commit("branch")
	assert.Equal(t, "latest stays: --no-latest was passed", l.publish("branch", "--no-latest"))
	assert.Equal(t, fmt.Sprintf("latest stays at commit %s: commit %s does not come after it, so they are on different branches, or a branch was rewritten; to move it all the same, pass --move-latest", c2, branch), l.publish("branch"))
	require.Equal(t, c2, l.latest(c1, c2, branch))

	// A branch that has the images of main does not stop main, and a revert is not its original.
	l.git("checkout", "-q", "-b", "words", c2)
	l.write("README.md", "words\n")
	words := l.committed()
	l.publish("words", "--no-latest")
	l.git("checkout", "-q", "main")
	reverted := l.commit("one")
	assert.NotContains(t, l.publish("main"), "latest stays", "%s has the images of %s", words, c2)
	require.Equal(t, reverted, l.latest(reverted))
	assert.Contains(t, l.publish(c2), "latest stays at commit "+reverted+": commit "+c2+" comes before it")

	got := l.run(l.root, "--no-latest", "--move-latest")
	assert.Equal(t, exitUsage, got.code)
	assert.Contains(t, got.stderr, "--no-latest cannot be combined with --move-latest")
}

// Where git has no history, the committer's times decide; where there is no time, nobody guesses.
func TestLongLatestWithoutHistory(t *testing.T) {
	t.Parallel()
	l := newLine(t)
	c1, c2, c3 := l.commit("one"), l.commit("two"), l.commit("three")
	shallow := func(commit string) string {
		dir := t.TempDir()
		l.git("branch", "-f", "at", commit)
		l.git("clone", "-q", "--depth=1", "--branch=at", "file://"+l.root, dir)
		return dir
	}
	l.publish(c2)

	got := l.run(shallow(c1))
	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "latest stays at commit "+c2+": commit "+c1+" comes before it; ")
	got = l.run(shallow(c3))
	require.Equal(t, exitDone, got.code, got.stderr)
	assert.NotContains(t, got.stdout, "latest stays")
	require.Equal(t, c3, l.latest(c1, c2, c3))

	archive := t.TempDir()
	l.git("checkout", "-q", c1)
	require.NoError(t, os.CopyFS(archive, os.DirFS(l.root)))
	require.NoError(t, os.RemoveAll(filepath.Join(archive, ".git")))
	l.git("checkout", "-q", c2)
	l.commit("four")
	require.NoError(t, os.WriteFile(filepath.Join(archive, "functions/beta/main.go"), []byte("package main\n\nfunc main() { println(\"four\") }\n"), 0o644))
	got = l.run(archive, "--commit", "ddddddd")
	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "latest stays at commit "+c3+": it is unknown whether commit ddddddd comes after it (there is no git repository here, and the committer's time is not recorded); to move it all the same, pass --move-latest")
	require.Equal(t, c3, l.latest(c1, c2, c3))

	// A clone that is complete and does not have the commit: it is not in the history.
	l.git("checkout", "-q", "-b", "rewritten", c1)
	rewritten := l.commit("another two")
	complete := t.TempDir()
	l.git("clone", "-q", "--single-branch", "--branch=rewritten", "file://"+l.root, complete)
	got = l.run(complete)
	require.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "latest stays at commit "+c3+": commit "+rewritten+" does not come after it")
}

// Who deploys an old commit rolls back, and says so: by git, and at Dagger, which does not see the
// repository, by the times in the documents of the images.
func TestDeployGoesForward(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	l := &line{t: t, root: s.catalog.Root}
	l.write(".gitignore", "/dist/\n")
	l.git("init", "-q", "-b", "main")
	c1 := l.committed()
	s.ci(exitDone, "publish")
	s.edit("media-lambda")
	c2 := l.committed()
	s.ci(exitDone, "publish")
	s.ci(exitDone, "deploy --commit "+c2)
	before, calls := s.running(s.aws), len(s.aws.Calls("UpdateFunctionCode"))

	refused := fmt.Sprintf("ci: deploy commit %s: Api (api) runs commit %s, which comes after it, so this is a rollback; pass --allow-older\n", c1, c2)
	assert.Contains(t, s.in(s.aws, exitFailed, "deploy --commit "+c1), refused)
	assert.Contains(t, s.in(s.aws, exitFailed, "deploy --dry-run --commit "+c1), refused)
	hidden := filepath.Join(t.TempDir(), "git")
	require.NoError(t, os.Rename(filepath.Join(l.root, ".git"), hidden))
	assert.Contains(t, s.in(s.aws, exitFailed, "deploy --commit "+c1), refused, "without a repository")
	require.NoError(t, os.Rename(hidden, filepath.Join(l.root, ".git")))
	assert.Equal(t, before, s.running(s.aws))
	assert.Len(t, s.aws.Calls("UpdateFunctionCode"), calls, "nothing was updated")

	l.git("checkout", "-q", c1)
	assert.Contains(t, s.in(s.aws, exitDone, "plan --only api"), fmt.Sprintf("deploy: commit %s runs, which comes after commit %s: that would be a rollback (Api)\n", c2, c1))
	s.ci(exitDone, "deploy --allow-older --commit "+c1)
	s.ci(exitDone, "deploy --commit "+c2)
	assert.Contains(t, s.in(s.aws, exitFailed, "deploy --commit "+c1), fmt.Sprintf("so this is a rollback; run: bin/ci rollback --to %s; or pass --allow-older\n", c1))
	assert.Equal(t, before, s.running(s.aws))

	l.git("checkout", "-q", "-b", "branch", c1)
	l.write("functions/enhance-lambda/main.go", "package main\n\nfunc main() { println(\"branch\") }\n")
	branch := l.committed()
	s.ci(exitDone, "publish")
	assert.Contains(t, s.in(s.aws, exitDone, "deploy --dry-run --commit "+branch), fmt.Sprintf("ci: warning: commit %s does not come after commit %s, which Api (api) runs: they are on different branches, or a branch was rewritten\n", branch, c2))
}
