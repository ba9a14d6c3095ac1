package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/inspect/page"
	"lambdas.internal/ci/tool/internal/testkit"
)

// The page of a release that was deployed after another, and of one of which little is known.
func TestThePageOfARelease(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", s.catalog.Root, "-c", "user.name=t", "-c", "user.email=t@test.invalid", "-c", "commit.gpgsign=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	testkit.Write(t, s.catalog.Root, map[string]string{".gitignore": "/dist/\n"})
	git("init", "-q")
	released := func() string {
		git("add", "-A")
		git("commit", "-qm", "a release")
		name := git("rev-parse", "--short=7", "HEAD")
		s.ci(exitDone, "publish --commit "+name)
		s.ci(exitDone, "deploy --commit "+name)
		return name
	}
	first := released()
	s.edit("media-lambda")
	second := released()
	dir := t.TempDir()
	vulnerable, verified := filepath.Join(dir, "vulnerable.json"), filepath.Join(dir, "verified.json")
	require.NoError(t, os.WriteFile(vulnerable, []byte(`{"database":"https://vuln.go.dev","functions":[{"image":"api","findings":[{"id":"GO-1","module":"stdlib","found":"go1.26.8","reach":"called"}]}],"published":[{"image":"thumb","digest":"sha256:0123","scan":{"severities":{"CRITICAL":2}}},{"image":"enhance","scan":{}}]}`), 0o600))
	require.NoError(t, os.WriteFile(verified, []byte(`{"commit":"`+second+`","platform":"linux/amd64","places":[{"image":"api","repository":"r/x","verdict":"same","signer":"SHA256:me"}]}`), 0o600))
	report := func(code int, args string) (p page.Page, html string) {
		t.Helper()
		out := filepath.Join(dir, "report.html")
		got := with(s.aws).and(s.more).run(t, append([]string{"report", "--root", s.catalog.Root, "--cache", kept(), "--private-registry", s.host, "--public-registry", s.host,
			"-o", out, "--json"}, strings.Fields(args)...)...)
		require.Equal(t, code, got.code, got.stderr)
		if code != exitDone {
			return p, got.stderr
		}
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &p))
		content, err := os.ReadFile(out)
		require.NoError(t, err)
		return p, string(content)
	}

	p, html := report(exitDone, "--commit "+second+" --vulnerabilities "+vulnerable+" --verification "+verified)
	assert.Empty(t, p.Unknown)
	assert.Equal(t, first, p.Since, "what was deployed before it")
	require.Len(t, p.Images, 3)
	for _, i := range p.Images {
		assert.Equal(t, i.Name == "api", i.Changed(), i.Name)
		assert.NotEmpty(t, i.Packages, i.Name)
		assert.NotEmpty(t, i.Builder, i.Name)
	}
	api := p.Images[0]
	assert.Equal(t, "api", api.Name)
	assert.Equal(t, []string{"functions/media-lambda/main.go"}, api.Sources)
	assert.Equal(t, []bool{false, true}, []bool{api.Layers[0].New, api.Layers[1].New})
	assert.Equal(t, p.NewBytes, api.Layers[1].Bytes)
	assert.Len(t, api.Vulnerabilities, 1)
	assert.Equal(t, 2, p.Redeploys(), "what ECR has found counts too")
	require.Len(t, p.Releases, 1)
	assert.Equal(t, []string{"api"}, p.Releases[0].Images)
	assert.Contains(t, p.Releases[0].Who, "arn:aws:")
	require.NotNil(t, p.Cost)
	assert.Len(t, p.Cost.Repositories, 2)
	assert.Contains(t, html, p.Releases[0].Who)
	assert.Contains(t, html, "SHA256:me")

	// The first release is compared with nothing; what was not checked is not said to be good.
	p, html = report(exitDone, "--commit "+first)
	assert.Empty(t, p.Since)
	assert.Contains(t, html, "no earlier release is known")
	assert.NotContains(t, html, `class="good"`)
	assert.Contains(t, strings.Join(p.Unknown, "\n"), "verification: bin/ci verify --commit "+first)
	// What is checked out is another commit, so it does not say why.
	p, _ = report(exitDone, "--commit "+first+" --since "+second)
	assert.Contains(t, strings.Join(p.Unknown, "\n"), "which files are the reason for a change: commit "+first+" is not what is checked out")

	for title, c := range map[string]struct {
		code       int
		args, want string
	}{
		"no commit":                   {exitUsage, "", "bin/ci report needs --commit"},
		"a commit of nobody":          {exitFailed, "--commit 7777777", "7777777"},
		"a verification of another":   {exitUsage, "--commit " + first + " --verification " + verified, `is about commit "` + second + `", not ` + first},
		"a result of another command": {exitUsage, "--commit " + first + " --vulnerabilities " + verified, "has no function; pass the result of bin/ci vulncheck --json"},
		"no result":                   {exitUsage, "--commit " + first + " --verification nowhere.json", "--verification: open nowhere.json"},
	} {
		_, stderr := report(c.code, c.args)
		assert.Contains(t, stderr, c.want, title)
	}
}
