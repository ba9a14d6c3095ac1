//go:build workflows

package workflowtest

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// pullRequest runs the checks of a pull request whose branch was merged, as GitHub does it.
func (g *github) pullRequest(branch, from string, more ...string) run {
	g.t.Helper()
	g.git("checkout", "-q", "-B", "merged", "main")
	g.git("merge", "-q", "--no-ff", "-m", "Merge a pull request", branch)
	g.git("update-ref", "refs/pull/7/merge", "HEAD")
	return g.event("pull-request.yml", "pull_request", "refs/pull/7/merge", map[string]any{
		"number": 7,
		"pull_request": map[string]any{
			"number": 7, "head": map[string]any{"ref": branch, "repo": map[string]any{"full_name": from}}, "base": map[string]any{"ref": "main"},
		},
	}, more...)
}

var (
	digests   = regexp.MustCompile(`sha256:[0-9a-f]{12,64}`)
	durations = regexp.MustCompile(`[0-9]+(\.[0-9]+)? s\b`)
	commits   = regexp.MustCompile(`\b[0-9a-f]{7}\b|\b[0-9a-f]{40}\b`)
	folders   = regexp.MustCompile(`/[^ |]*/(tmp|hostexecutor)/`)
	// How much an edit changes a compressed layer depends on all the rest of it.
	growths = regexp.MustCompile(`[+-][0-9.]+ K?B \([+-][0-9.]+ %\)`)
	// What a start takes depends on the machine and its user.
	starts  = regexp.MustCompile(`(?s)## Cold start\n.*?\n### `)
	numbers = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
)

// told is a summary without what differs from run to run.
func told(summary string) []byte {
	summary = starts.ReplaceAllString(summary, "## Cold start\n### ")
	summary = digests.ReplaceAllString(summary, "sha256:D")
	summary = durations.ReplaceAllString(summary, "T s")
	summary = commits.ReplaceAllString(summary, "COMMIT")
	summary = folders.ReplaceAllString(summary, "TMP/")
	summary = growths.ReplaceAllString(summary, "CHANGE")
	return []byte(numbers.ReplaceAllString(summary, "N"))
}

func TestPullRequest(t *testing.T) {
	g := newGitHub(t)
	g.git("checkout", "-q", "-b", "feature")
	g.edit("functions/media-lambda/main.go")
	g.commit("Edit the API")

	r := g.pullRequest("feature", "us/lambdas")

	require.True(t, r.ok, r.log)
	assert.Equal(t, map[string]string{"checks": "success", "images": "success", "comment": "success", "dagger": "success"}, r.jobs)
	assert.Contains(t, r.noted, "gh api --method POST repos/us/lambdas/issues/7/comments --field body=@")
	assert.NotContains(t, r.noted, "login arn:", "no role is set")
	assert.Empty(t, g.cloud.asked(), "and AWS is not asked")
	assert.Contains(t, r.noted, "make test\nmake test-long\nmake check\n")
	assert.Regexp(t, `(?s)## Cold start\n.*\| api \|`, r.summary["images"])
	testkit.Golden(t, "pull-request.golden.md", told(r.summary["images"]))
}

// A fork has no role, and a branch may have any name that git takes.
func TestPullRequestOfAFork(t *testing.T) {
	g := newGitHub(t)
	g.vars = []string{"AWS_PLAN_ROLE=arn:aws:iam::123456789012:role/plan"}
	const branch = `it's-"$(touch${IFS}planted)"`
	g.git("checkout", "-q", "-b", branch)
	g.edit("shared/fault/fault.go")
	g.commit("A \"shared\" package; $(touch planted) `touch planted` 'quoted'")

	r := g.pullRequest(branch, "them/lambdas")

	require.True(t, r.ok, r.log)
	assert.NotContains(t, r.noted, "login arn:")
	assert.Empty(t, g.cloud.asked())
	assert.NotContains(t, r.noted, "/comments", "its token may not comment")
	assert.Contains(t, r.summary["images"], "AWS was not asked: ")
	for _, name := range []string{"api", "enhance", "select", "thumb", "video"} {
		assert.Regexp(t, name+".*binary", r.summary["images"])
	}
	assert.NotContains(t, strings.Join(slices.Collect(maps.Keys(testkit.Tree(t, g.home))), "\n"), "planted", "no name is run")
}
