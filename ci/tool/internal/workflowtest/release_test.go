//go:build workflows

package workflowtest

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// account makes the repositories and the functions in AWS, and sets the roles.
func (g *github) account() *catalog.Catalog {
	g.t.Helper()
	c, err := catalog.Load(g.dir)
	require.NoError(g.t, err)
	for _, variant := range []string{"light", "heavy"} {
		g.cloud.aws.Add(awsfake.Private, "ai-social-media-lambda-"+variant)
		g.cloud.aws.Add(awsfake.Public, "lambda-"+variant)
	}
	for _, f := range c.Functions {
		g.cloud.lambda.Add(f.Lambda, private+"/ai-social-media-lambda-"+string(f.Variant)+"@"+testkit.Digest("by hand").String())
	}
	g.vars = []string{"AWS_PUBLISH_ROLE=arn:aws:iam::123456789012:role/publish", "AWS_DEPLOY_ROLE=arn:aws:iam::123456789012:role/deploy",
		"AWS_RETENTION_ROLE=arn:aws:iam::123456789012:role/retention"}
	return c
}

// images are what the functions run.
func (g *github) images(c *catalog.Catalog) map[string]string {
	all := map[string]string{}
	for _, f := range c.Functions {
		all[f.Image] = g.cloud.lambda.Image(f.Lambda)
	}
	return all
}

// push runs what a push to main starts.
func (g *github) pushed() run {
	g.t.Helper()
	return g.event("main.yml", "push", "refs/heads/main", map[string]any{"after": g.git("rev-parse", "HEAD")})
}

// From the first push, which has no commit before it, to a rollback.
func TestMainAndRollback(t *testing.T) {
	g := newGitHub(t)
	c := g.account()
	byHand := g.images(c)
	first := g.git("rev-parse", "HEAD")

	r := g.pushed()

	require.True(t, r.ok, r.log)
	assert.Equal(t, map[string]string{"checks": "success", "publish": "success", "deploy": "success", "retention": "success"}, r.jobs)
	assert.Equal(t, []string{
		"make test", "make test-long", "make check", "dagger call build-all", "dagger call audit", "login arn:aws:iam::123456789012:role/publish publish-1", "dagger call publish",
		"login arn:aws:iam::123456789012:role/deploy deploy-1", "dagger call deploy", "dagger call status", "login arn:aws:iam::123456789012:role/retention retention-1", "upload report.html",
	}, strings.Split(strings.TrimSpace(r.noted), "\n"), "in this order")
	released := g.images(c)
	for name, image := range released {
		assert.NotEqual(t, byHand[name], image, name)
	}
	summary := r.summary["publish"] + r.summary["deploy"]
	assert.Contains(t, r.summary["retention"], "deleting 0 public images of 0.0 MB; the images are for linux/amd64; checked 2 lifecycle policies")
	assert.Contains(t, r.summary["retention"], "| ai-social-media-lambda-light (private) | base | api, enhance |", "and what it costs")
	assert.Contains(t, r.summary["retention"], "[The page of this release](https://github.test/artifacts/1)")
	testkit.Golden(t, "main.golden.md", told(summary))

	// A deploy that fails is rolled back, which is shown; nothing is deleted after it.
	g.edit("functions/media-lambda/main.go")
	g.edit("functions/thumbnail-lambda/main.go")
	g.commit("Edit two functions")
	var once sync.Once
	g.cloud.lambda.Answer = func(c lambdafake.Call) lambdafake.Reply {
		first := false
		if c.Operation == "UpdateFunctionCode" && strings.Contains(c.Function, "Thumbnail") && !c.DryRun {
			once.Do(func() { first = true })
		}
		if first {
			return lambdafake.Reply{Fail: "InvalidImage: UnsupportedImageLayerDetected"}
		}
		return lambdafake.Reply{}
	}
	r = g.pushed()
	assert.False(t, r.ok)
	assert.Equal(t, "success", r.jobs["publish"], r.log)
	assert.Equal(t, "failure", r.jobs["deploy"])
	assert.Equal(t, "failure", r.result("deploy", "Deploy"))
	assert.Equal(t, "success", r.result("deploy", "Status"))
	assert.NotContains(t, r.noted, "role/retention")
	assert.Equal(t, released, g.images(c))
	assert.Contains(t, r.log, "InvalidImage: UnsupportedImageLayerDetected")
	assert.Contains(t, r.summary["deploy"], "was ROLLED BACK")
	assert.Contains(t, r.summary["deploy"], "It failed with exit code 3")
	g.cloud.lambda.Answer = nil

	// Without the fault the same commit is released, and then rolled back.
	r = g.pushed()
	require.True(t, r.ok, r.log)
	second := g.images(c)
	assert.NotEqual(t, released["api"], second["api"])
	assert.Equal(t, released["video"], second["video"], "what did not change stays")
	dispatch := func(to string) run {
		t.Helper()
		return g.event("rollback.yml", "workflow_dispatch", "refs/heads/main", map[string]any{"inputs": map[string]any{"to": to}})
	}
	r = dispatch("")
	require.True(t, r.ok, r.log)
	assert.Equal(t, released, g.images(c))
	assert.Contains(t, r.summary["rollback"], "rollback to commit "+first[:7])
	r = dispatch(g.git("rev-parse", "HEAD"))
	require.True(t, r.ok, r.log)
	assert.Equal(t, second, g.images(c))
	r = dispatch("0123456$(touch planted)")
	assert.False(t, r.ok, "no such commit")
	assert.Equal(t, second, g.images(c))

	// Somebody runs the first pipeline again: neither latest nor the functions go back.
	last := g.git("rev-parse", "HEAD")
	g.git("reset", "-q", "--hard", first)
	r = g.pushed()
	assert.False(t, r.ok)
	assert.Equal(t, "success", r.jobs["publish"], r.log)
	assert.Equal(t, "failure", r.jobs["deploy"])
	assert.Contains(t, r.summary["publish"], "latest stays at commit "+last+": commit "+first+" comes before it; ")
	assert.Contains(t, r.log, " runs commit "+last+", which comes after it, so this is a rollback; run: bin/ci rollback --to "+first+"; or pass --allow-older")
	assert.Equal(t, second, g.images(c))
}

// A gate that fails ends the release before any login.
func TestAFailedGateEndsTheRelease(t *testing.T) {
	g := newGitHub(t)
	c := g.account()
	before := g.images(c)
	main := filepath.Join(g.dir, "functions", "video-lambda", "main.go")
	data, err := os.ReadFile(main)
	require.NoError(t, err)
	key := "AIza" + "Sy7dK2mQ9xVb4LhT1nRw8cYpE6uJ0sGfZ3a"
	require.NoError(t, os.WriteFile(main, append(data, "\nfunc init() { println(\""+key+"\") }\n"...), 0o600))
	g.commit("Plant a key")

	r := g.pushed()

	assert.False(t, r.ok)
	assert.Equal(t, "failure", r.jobs["publish"])
	assert.NotContains(t, r.noted, "login ")
	assert.Empty(t, g.cloud.asked())
	assert.Contains(t, r.log, "audit video: secrets: ")
	assert.NotContains(t, r.log, key)
	assert.Equal(t, before, g.images(c))
}
