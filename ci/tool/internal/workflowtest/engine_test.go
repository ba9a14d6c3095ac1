//go:build workflows

package workflowtest

import (
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

// atEngine gives the jobs of Dagger the real program, and an engine. Where none is, they run with a
// stand-in only, in the other tests, and this one says so.
func atEngine(t *testing.T) *github {
	t.Helper()
	cli, err := exec.LookPath("dagger")
	if err != nil {
		t.Skip("the jobs of Dagger run with a stand-in only: dagger is not on the PATH")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if exec.CommandContext(ctx, cli, "--silent", "core", "version").Run() != nil {
		t.Skip("the jobs of Dagger run with a stand-in only: `dagger core version` reaches no engine")
	}
	g := newGitHub(t)
	g.more = []string{"WORKFLOW_DAGGER=" + cli, "WORKFLOW_ENGINE=" + os.Getenv("_EXPERIMENTAL_DAGGER_RUNNER_HOST")}
	g.pinReal()
	return g
}

// pinReal pins images that the engine reaches: those of CI_TEST_BASE, CI_TEST_FFMPEG and
// CI_TEST_BUILDER, as in the engine suite, or those of this repository.
func (g *github) pinReal() {
	g.t.Helper()
	l, err := lock.Load(repository)
	require.NoError(g.t, err)
	given := false
	for what, image := range l.Images() {
		reference := os.Getenv("CI_TEST_" + strings.ToUpper(what))
		if reference == "" {
			continue
		}
		ref, err := name.ParseReference(reference)
		require.NoError(g.t, err)
		found, err := remote.Head(ref)
		require.NoError(g.t, err)
		*image, given = lock.Image{Reference: reference, Digest: found.Digest.String()}, true
	}
	if !given {
		g.cloud.real = []string{"public.ecr.aws", "docker.io", "index.docker.io", "auth.docker.io"}
	}
	data, err := json.MarshalIndent(l, "", "  ")
	require.NoError(g.t, err)
	testkit.Write(g.t, g.dir, map[string]string{"ci/images.lock.json": string(data) + "\n"})
	g.commit("Pin images that the engine reaches")
}

// The job compares the digests of the engine with those of bin/ci.
func TestPullRequestAtTheEngine(t *testing.T) {
	g := atEngine(t)
	g.git("checkout", "-q", "-b", "feature")
	g.edit("functions/media-lambda/main.go")
	g.commit("Edit the API")

	r := g.pullRequest("feature", "us/lambdas", "--job", "dagger")

	require.True(t, r.ok, r.log)
	assert.Equal(t, map[string]string{"images": "success", "dagger": "success"}, r.jobs)
	assert.Contains(t, r.noted, "dagger --progress plain call build-all at the engine\n")
	assert.Regexp(t, `dagger --silent call images export --path \S+ at the engine`, r.noted)
	assert.Regexp(t, `(?s)## Images by Dagger\n.*\| api \|.*\| video \|`, r.summary["dagger"])

	// Its failure is that of the job.
	g.more = append(g.more, "WORKFLOW_DAGGER=/bin/false")
	assert.False(t, g.pullRequest("feature", "us/lambdas", "--job", "dagger").ok)
}

func TestCodeBuildAtTheEngine(t *testing.T) {
	g := atEngine(t)
	out, err := g.codebuild("dagger", "no")
	require.NoError(t, err, out)
	noted, err := os.ReadFile(g.log)
	require.NoError(t, err)
	assert.Contains(t, string(noted), "dagger --progress plain call build-all at the engine\ndagger --progress plain call audit at the engine\n")
	assert.Contains(t, out, "all gates passed")
}
