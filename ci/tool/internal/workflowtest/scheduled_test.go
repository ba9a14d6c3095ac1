//go:build workflows

package workflowtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/internal/testkit"
)

// A base that moved becomes a pull request with the new pin and what it changes.
func TestPins(t *testing.T) {
	g := newGitHub(t)
	before := g.git("show", "HEAD:ci/images.lock.json")
	moved := testkit.OCIImage(t, testkit.AMD64, layer.Text("lambda-entrypoint.sh", 0o755, "#!/bin/sh\n# another\n"))
	g.push("public.ecr.aws/lambda/provided:al2023", moved)
	g.push("index.docker.io/library/golang:"+builder(t, g.dir), moved)

	r := g.event("pins.yml", "schedule", "refs/heads/main", map[string]any{})

	require.True(t, r.ok, r.log)
	assert.Equal(t, map[string]string{"refresh": "success", "propose": "success"}, r.jobs)
	assert.Contains(t, r.noted, "gh pr create --head pins --base main --title Update the pinned images --body-file ")
	assert.Contains(t, r.noted, "Pinned images changed at their registries.")
	after := g.git("show", "pins:ci/images.lock.json")
	assert.NotEqual(t, before, after)
	assert.Contains(t, after, testkit.DigestOf(t, moved).String())
}

// builder is the tag of the builder in the lock file.
func builder(t *testing.T, root string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root, "ci/images.lock.json"))
	require.NoError(t, err)
	var l struct {
		Builder struct{ Reference string }
	}
	require.NoError(t, json.Unmarshal(data, &l))
	return l.Builder.Reference[strings.LastIndex(l.Builder.Reference, ":")+1:]
}

// All three run, also when the first fails.
func TestFull(t *testing.T) {
	g := newGitHub(t)
	r := g.event("full.yml", "schedule", "refs/heads/main", map[string]any{})
	assert.True(t, r.ok, r.log)
	t.Setenv("WORKFLOW_FAIL", "test-race")
	failed := g.event("full.yml", "schedule", "refs/heads/main", map[string]any{})
	assert.False(t, failed.ok)
	assert.Equal(t, r.noted, failed.noted)
	assert.Contains(t, r.noted, "make test-race\nmake test-full\n")
}

// A failure becomes an issue, by a job that does nothing else.
func TestSystems(t *testing.T) {
	g := newGitHub(t)
	r := g.event("systems.yml", "schedule", "refs/heads/main", map[string]any{})
	assert.True(t, r.ok, r.log)
	assert.Equal(t, 2, strings.Count(r.noted, "make test\n"), "on each system")
	assert.NotContains(t, r.noted, "gh ")
	t.Setenv("WORKFLOW_FAIL", "test")
	failed := g.event("systems.yml", "schedule", "refs/heads/main", map[string]any{})
	assert.False(t, failed.ok)
	assert.Contains(t, failed.noted, "gh issue create --title The tests fail on macOS or on Linux on arm64 --body Other systems failed: ")
}

// The commands of CodeBuild, in one shell, each way in.
func TestCodeBuild(t *testing.T) {
	for title, test := range map[string]struct {
		door, release string
		changes       bool
	}{
		"bin/ci":              {"tool", "no", false},
		"bin/ci, a release":   {"tool", "yes", true},
		"Dagger":              {"dagger", "no", false},
		"Dagger, and release": {"dagger", "yes", true},
	} {
		t.Run(title, func(t *testing.T) {
			g := newGitHub(t)
			c := g.account()
			before := g.images(c)
			out, err := g.codebuild(test.door, test.release)
			require.NoError(t, err, out)
			if test.changes {
				assert.NotEqual(t, before, g.images(c))
			} else {
				assert.Equal(t, before, g.images(c))
				assert.Empty(t, g.cloud.asked())
			}
			assert.Empty(t, g.git("status", "--short"), "the tree stays as it is")
		})
	}
}

// codebuild runs the commands of ci/buildspec.yml. The machine has a role.
func (g *github) codebuild(door, release string) (string, error) {
	g.t.Helper()
	data, err := os.ReadFile(filepath.Join(g.dir, "ci/buildspec.yml"))
	require.NoError(g.t, err)
	type phase struct{ Commands []string }
	var spec struct {
		Phases struct{ Install, Build phase }
	}
	require.NoError(g.t, yaml.Unmarshal(data, &spec))
	commands := append(spec.Phases.Install.Commands, spec.Phases.Build.Commands...)
	require.Greater(g.t, len(commands), 10)
	script := "set -e\naws() { echo export AWS_SESSION_TOKEN=the-session-token-that-nobody-may-see; }\n" + strings.Join(commands, "\n")
	cmd := exec.CommandContext(g.t.Context(), "bash", "-c", script)
	cmd.Dir = g.dir
	cmd.Env = append(g.environment(), "DOOR="+door, "RELEASE="+release, "CODEBUILD_SRC_DIR="+g.dir,
		"CODEBUILD_RESOLVED_SOURCE_VERSION="+g.git("rev-parse", "HEAD"), "CODEBUILD_BUILD_ARN=arn:aws:codebuild:"+region+":123456789012:build/lambdas:1",
		"CODEBUILD_SOURCE_REPO_URL=https://github.com/us/lambdas.git", "AWS_REGION="+region, "AWS_ACCESS_KEY_ID=AKIDTEST",
		"AWS_SECRET_ACCESS_KEY=the-secret-key-that-nobody-may-see")
	out, err := cmd.CombinedOutput()
	g.clean(run{log: string(out)})
	return string(out), err
}

// Databases that answer end it well; one that does not fails it, since it was named.
func TestVulnerabilities(t *testing.T) {
	g := newGitHub(t)
	r := g.event("vulncheck.yml", "schedule", "refs/heads/main", map[string]any{})
	require.True(t, r.ok, r.log)
	assert.Contains(t, r.summary["vulncheck"], "compared with 1 record of https://api.osv.dev")

	g.cloud.down("api.osv.dev")
	r = g.event("vulncheck.yml", "schedule", "refs/heads/main", map[string]any{})
	assert.False(t, r.ok)
	assert.Contains(t, r.log, "api.osv.dev")
}
