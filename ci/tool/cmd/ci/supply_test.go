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

	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/attest/sbom"
	"lambdas.internal/ci/tool/attest/verify"
)

// committed is a workspace that is published from a commit, whose name it returns.
func committed(t *testing.T) (root, commit string, git func(args ...string) string) {
	t.Helper()
	root = publishable(t, map[string]string{".gitignore": "/dist/\n/.cache/\n"})
	git = func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", root, "-c", "user.name=t", "-c", "user.email=t@test.invalid", "-c", "commit.gpgsign=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("add", "-A")
	git("commit", "-qm", "one")
	return root, git("rev-parse", "--short=7", "HEAD"), git
}

func TestWhatIsAttached(t *testing.T) {
	t.Parallel()
	laptop := environment{"GITHUB_SERVER_URL": "", "CODEBUILD_BUILD_ARN": ""}
	root, commit, git := committed(t)
	git("remote", "add", "origin", "https://user:the-token-that-nobody-may-see@github.com/us/lambdas.git?token=nobody-may-see#nobody-may-see")
	args := []string{"publish", "--local", "--offline", "--json"}

	dry := decode(t, laptop.in(t, root, append(args, "--dry-run")...))
	assert.Equal(t, 6, dry.Attachments, "two documents in each of three places")
	first := decode(t, laptop.in(t, root, args...))
	assert.Equal(t, dry.AttachedBytes, first.Outcome.Attached, "the dry run tells exactly the bytes")
	assert.Equal(t, dry.Bytes, first.Outcome.Sent)
	again := decode(t, laptop.in(t, root, args...))
	assert.Zero(t, again.Attachments)
	assert.Zero(t, again.Outcome.Sent+again.Outcome.Attached)
	git("commit", "-q", "--allow-empty", "-m", "two")
	second := git("rev-parse", "HEAD")[:7]
	other := decode(t, laptop.in(t, root, args...))
	assert.Equal(t, 3, other.Attachments, "the images are of that commit too")
	assert.Zero(t, other.Outcome.Sent)
	git("commit", "-q", "--allow-empty", "-m", "three")
	text := laptop.in(t, root, "publish", "--local", "--offline", "--dry-run")
	assert.Contains(t, text.stdout, "would send 0 layers, 0 bytes, attach 3 documents, ")

	built := laptop.in(t, root, "sbom", "--offline", "--name", "beta", "--json")
	require.Equal(t, exitDone, built.code, built.stderr)
	published := laptop.in(t, root, "sbom", "--local", "--name", "beta", "--commit", commit, "--json")
	require.Equal(t, exitDone, published.code, published.stderr)
	assert.Equal(t, built.stdout, published.stdout, "what is attached is what the image gives")
	bom, err := sbom.Read([]byte(published.stdout))
	require.NoError(t, err)
	assert.Equal(t, "beta", bom.Metadata.Component.Name)
	table := laptop.in(t, root, "sbom", "--local", "--name", "beta", "--commit", commit)
	assert.Contains(t, table.stdout, "example.internal/beta")
	assert.Contains(t, table.stdout, "static (offline)")
	assert.Contains(t, table.stdout, " components of beta for linux/amd64, sha256:")

	for _, name := range []string{commit, second} {
		for title, args := range map[string][]string{"public": nil, "deploy copy": {"--deploy-copy"}} {
			raw := laptop.in(t, root, append([]string{"provenance", "--local", "--name", "beta", "--commit", name, "--json"}, args...)...)
			require.Equal(t, exitDone, raw.code, raw.stderr)
			s, err := provenance.Read([]byte(raw.stdout))
			require.NoError(t, err)
			assert.Equal(t, name, s.Predicate.BuildDefinition.ExternalParameters.Commit)
			assert.Equal(t, strings.TrimPrefix(bom.Metadata.Component.Version, "sha256:"), s.Subject[0].Digest["sha256"])
			source := s.Predicate.BuildDefinition.ResolvedDependencies[0]
			assert.Equal(t, git("rev-parse", name), source.Digest["gitCommit"], "the commit of the tag")
			assert.NotContains(t, raw.stdout, "nobody-may-see")
			if title == "public" {
				assert.Empty(t, source.URI)
				assert.Equal(t, provenance.Undisclosed, s.Predicate.RunDetails.Builder.ID)
				assert.NotContains(t, raw.stdout, "github.com")
				continue
			}
			assert.Equal(t, "git+https://github.com/us/lambdas", source.URI, "without login, query and fragment")
			assert.Equal(t, provenance.Local, s.Predicate.RunDetails.Builder.ID)
		}
	}
	table = laptop.in(t, root, "provenance", "--local", "--name", "beta", "--commit", commit)
	assert.Regexp(t, `(?m)^commit +`+commit+`$`, table.stdout)

	for title, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"an image of nobody":      {[]string{"sbom", "--name", "bet"}, exitUsage, `no image is named "bet"`},
		"no commit":               {[]string{"sbom", "--name", "beta", "--local"}, exitUsage, "--commit is missing; pass the commit that the image was published under"},
		"a commit that is none":   {[]string{"provenance", "--name", "beta", "--commit", "main"}, exitUsage, `"main" is not a commit`},
		"a commit of another day": {[]string{"provenance", "--name", "beta", "--local", "--commit", "eeeeeee"}, exitFailed, "beta-eeeeeee is not in "},
		"two registries":          {[]string{"sbom", "--name", "beta", "--local", "--region", "x", "--commit", commit}, exitUsage, "--local cannot be combined with --private-registry, --public-registry, --region, --account and --public-alias"},
	} {
		t.Run(title, func(t *testing.T) {
			got := laptop.in(t, root, test.args...)
			assert.Equal(t, test.code, got.code)
			assert.Contains(t, got.stderr, test.want)
		})
	}
}

func TestVerify(t *testing.T) {
	t.Parallel()
	here, own := environment{"TMPDIR": t.TempDir()}, t.TempDir()
	verified := func(root string, args ...string) result {
		t.Helper()
		return here.in(t, root, append([]string{"--cache", own}, args...)...)
	}
	root, commit, git := committed(t)
	edit := func(content string) {
		require.NoError(t, os.WriteFile(filepath.Join(root, "functions/beta/main.go"), []byte(content), 0o644))
	}
	publish := func(args ...string) {
		t.Helper()
		got := verified(root, append([]string{"publish", "--local", "--offline"}, args...)...)
		require.Equal(t, exitDone, got.code, got.stderr)
	}
	check := func(code int, args ...string) verify.Report {
		t.Helper()
		got := verified(root, append([]string{"verify", "--local", "--offline", "--json"}, args...)...)
		require.Equal(t, code, got.code, got.stderr)
		var r verify.Report
		require.NoError(t, json.Unmarshal([]byte(got.stdout), &r))
		assert.Empty(t, exports(t, here["TMPDIR"]), "nothing is left behind")
		return r
	}
	publish()
	// What is in the work tree does not matter.
	edit("package main\n\nthis does not compile\n")
	r := check(exitDone, "--commit", commit)
	require.Len(t, r.Places, 3)
	for _, p := range r.Places {
		assert.Equal(t, verify.Same, p.Verdict, "%+v", p)
	}
	left, err := os.ReadDir(filepath.Join(own, "binaries"))
	require.NoError(t, err)
	assert.Len(t, left, 1, "only the workspace's own outputs are kept")

	// A tag that was given to something else.
	edit("package main\n\nfunc main() { println(\"planted\") }\n")
	publish("--allow-dirty", "--force", "--commit", commit, "--only", "beta")
	r = check(exitFailed, "--commit", commit)
	for _, p := range r.Places {
		if p.Image == "alpha" {
			assert.Equal(t, verify.Same, p.Verdict)
			continue
		}
		assert.Equal(t, verify.Differs, p.Verdict)
		require.Len(t, p.Differences, 1)
		assert.Equal(t, "layer 2 (binary): the code differs; Go, modules and settings are the same", p.Differences[0].String())
		assert.Equal(t, 1, p.SameLayers)
	}
	text := verified(root, "verify", "--local", "--offline", "--commit", commit, "--only", "beta")
	assert.Equal(t, exitFailed, text.code)
	assert.Contains(t, text.stdout, "layer 2 (binary): the code differs; ")
	assert.Contains(t, text.stdout, "0 of 2 images in the registries equal the images that commit "+commit+" builds for linux/amd64, ")
	assert.Contains(t, text.stderr, "ci: verify commit "+commit+": 2 of 2 published images differ from what its sources build\n")

	// A commit that was never published.
	git("add", "-A")
	git("commit", "-qm", "two")
	second := git("rev-parse", "HEAD")
	text = verified(root, "verify", "--local", "--offline", "--commit", second)
	assert.Equal(t, exitFailed, text.code)
	assert.Contains(t, text.stderr, "ci: nothing is published under commit "+second+": none of ")
	assert.NotContains(t, text.stderr, "compile", "nothing is built")
	publish("--only", "alpha")
	r = check(exitFailed, "--commit", second[:7])
	for _, p := range r.Places {
		assert.Equal(t, map[string]verify.Verdict{"alpha": verify.Same, "beta": verify.Missing}[p.Image], p.Verdict)
	}

	for title, test := range map[string]struct {
		args []string
		code int
		want string
	}{
		"no commit":            {nil, exitUsage, "bin/ci verify needs --commit; see `bin/ci verify --help`"},
		"a commit of nobody":   {[]string{"--commit", "0123456"}, exitFailed, "check out commit 0123456: this repository does not have it; fetch it"},
		"an image of nobody":   {[]string{"--commit", commit, "--only", "gamma"}, exitUsage, `no image is named "gamma"`},
		"a commit that is one": {[]string{"--commit", "HEAD"}, exitUsage, `"HEAD" is not a commit`},
	} {
		t.Run(title, func(t *testing.T) {
			got := verified(root, append([]string{"verify", "--local", "--offline"}, test.args...)...)
			assert.Equal(t, test.code, got.code)
			assert.Contains(t, got.stderr, test.want)
		})
	}
	assert.Empty(t, exports(t, here["TMPDIR"]))
}

// exports are the temporary folders with commits.
func exports(t *testing.T, temporary string) []string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(temporary, "ci-commit-*"))
	require.NoError(t, err)
	return all
}
