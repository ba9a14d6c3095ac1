package main

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/rogpeppe/go-internal/txtar"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry/localregistry"
)

const proprietaryPrompt = "Rank the pictures by how much joy is in them, and never show two of the same moment."

var plainOnce sync.Once

// plain returns a workspace like that of publishable, which tests share: none may change it.
func plain(t *testing.T) string {
	t.Helper()
	root := filepath.Join(shared, "workspace")
	plainOnce.Do(func() { writeWorkspace(t, root, nil) })
	return root
}

// publishable writes a workspace of two small functions, a private and a public
// one, with what is proprietary beside them.
func publishable(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	writeWorkspace(t, root, files)
	return root
}

func writeWorkspace(t *testing.T, root string, files map[string]string) {
	t.Helper()
	archive, err := txtar.ParseFile("testdata/workspace.txtar")
	require.NoError(t, err)
	require.NoError(t, txtar.Write(archive, root))
	lock, err := os.ReadFile(filepath.Join(repository, "ci/images.lock.json"))
	require.NoError(t, err)
	all := map[string]string{
		"go.work":                        fmt.Sprintf("go 1.26.1\n\ntoolchain %s\n\nuse (\n\t./functions/alpha\n\t./functions/beta\n\t./shared\n)\n", runtime.Version()),
		"ci/images.lock.json":            string(lock),
		"shared/go.mod":                  "module example.internal/shared\n\ngo 1.26.1\n",
		"shared/proprietary/p/p.go":      "package p\n\n// Prompt is ours.\nvar Prompt = \"" + proprietaryPrompt + "\"\n",
		"shared/proprietary/prompt.txt":  "Another one: " + proprietaryPrompt + " In German, if the family is.\n",
		"shared/helper/helper.go":        "package helper\n\nfunc Help() {}\n",
		"functions/beta/go.mod":          "module example.internal/beta\n\ngo 1.26.1\n\nrequire example.internal/shared v0.0.0\n\nreplace example.internal/shared => ../../shared\n",
		"functions/beta/testdata/.empty": "",
	}
	for name, content := range files {
		all[name] = content
	}
	for name, content := range all {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	}
}

func decode(t *testing.T, r result) publish.Result {
	t.Helper()
	require.Equal(t, exitDone, r.code, r.stderr)
	var p publish.Result
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &p))
	return p
}

func TestPublishLocal(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	args := []string{"publish", "--local", "--offline", "--allow-dirty", "--json", "--move-latest", "--commit"}

	dry := decode(t, command(t, root, append(args, "aaaaaaa", "--dry-run")...))
	first := decode(t, command(t, root, append(args, "aaaaaaa")...))
	assert.Equal(t, dry.Bytes, first.Outcome.Sent, "the dry run tells exactly the bytes")
	assert.Len(t, first.Steps, 3, "two images, and a deploy copy of the public one")
	assert.Len(t, first.Outcome.Moved, 3)

	again := decode(t, command(t, root, append(args, "bbbbbbb")...))
	assert.Zero(t, again.Bytes)
	assert.Zero(t, again.Outcome.Sent)
	assert.Empty(t, again.Outcome.Moved)

	require.NoError(t, os.WriteFile(filepath.Join(root, "functions/beta/main.go"), []byte("package main\n\nfunc main() { println(\"edited\") }\n"), 0o644))
	edited := decode(t, command(t, root, append(args, "ccccccc")...))
	assert.Equal(t, 2, edited.Layers, "one layer per registry")
	assert.Len(t, edited.Outcome.Moved, 2)

	server, err := localregistry.Start(filepath.Join(root, "dist", "registry"), 0)
	require.NoError(t, err)
	defer server.Close()
	pulled := 0
	for repo, images := range map[string][]string{"lambda-private-light": {"alpha", "beta"}, "lambda-light": {"beta"}} {
		for _, image := range images {
			for _, suffix := range []string{"aaaaaaa", "bbbbbbb", "ccccccc", "latest"} {
				ref, err := name.ParseReference(server.Host + "/" + repo + ":" + image + "-" + suffix)
				require.NoError(t, err)
				img, err := remote.Image(ref)
				require.NoError(t, err)
				require.NoError(t, validate.Image(img))
				pulled++
			}
		}
	}
	assert.Equal(t, 12, pulled)
}

func TestAGateStopsPublishBeforeTheFirstRequest(t *testing.T) {
	t.Parallel()
	key := "AIza" + "Sy7dK2mQ9xVb4LhT1nRw8cYpE6uJ0sGfZ3a"
	tests := map[string]struct {
		files   map[string]string
		message []string
	}{
		"an import of what is proprietary": {map[string]string{
			"shared/helper/helper.go": "package helper\n\nimport \"example.internal/shared/proprietary/p\"\n\nfunc Help() { println(p.Prompt) }\n",
			"functions/beta/main.go":  "package main\n\nimport \"example.internal/shared/helper\"\n\nfunc main() { helper.Help() }\n",
		}, []string{
			"audit beta: imports: beta is public, but imports private code: example.internal/beta -> example.internal/shared/helper -> example.internal/shared/proprietary/p",
			"audit beta: content: the binary contains text of shared/proprietary/p/p.go, line 4 (byte ",
		}},
		"an embedded prompt": {map[string]string{
			"shared/shared.go":       "package shared\n\nimport _ \"embed\"\n\n//go:embed proprietary/prompt.txt\nvar Prompt string\n",
			"functions/beta/main.go": "package main\n\nimport \"example.internal/shared\"\n\nfunc main() { println(shared.Prompt) }\n",
		}, []string{"audit beta: imports: beta is public, but embeds the private file shared/proprietary/prompt.txt: example.internal/beta -> example.internal/shared"}},
		"a copied prompt": {map[string]string{
			"functions/beta/main.go": "package main\n\nfunc main() { println(\"" + proprietaryPrompt + "\") }\n",
		}, []string{"the binary contains text of shared/proprietary/p/p.go, line 4 (byte "}},
		"a planted key": {map[string]string{
			"functions/beta/main.go": "package main\n\nfunc main() { println(\"" + key + "\") }\n",
		}, []string{"audit beta: secrets: functions/beta/main.go line 3 (byte ", "audit beta: secrets: /var/runtime/bootstrap byte "}},
		"a planted key in an embedded file": {map[string]string{
			"functions/beta/key.txt": "key " + key + "\n",
			"functions/beta/main.go": "package main\n\nimport _ \"embed\"\n\n//go:embed key.txt\nvar key string\n\nfunc main() { println(key) }\n",
		}, []string{"audit beta: secrets: functions/beta/key.txt line 1 (byte 4): gcp-api-key"}},
		"a program that cannot receive events": {map[string]string{
			"functions/beta/client.go": "package main\n",
		}, []string{"audit beta: lambda: functions/beta cannot receive events: its program has no client of Lambda's Runtime API; call lambda.Start of github.com/aws/aws-lambda-go (v1.18.0 or later) in main"}},
		"ffmpeg used and not there": {map[string]string{
			"shared/ffmpeg/ffmpeg.go": "package ffmpeg\n\nfunc Run() {}\n",
			"functions/beta/main.go":  "package main\n\nimport \"example.internal/shared/ffmpeg\"\n\nfunc main() { ffmpeg.Run() }\n",
		}, []string{"audit beta: ffmpeg: beta uses ffmpeg (example.internal/beta -> example.internal/shared/ffmpeg), but its image does not have it; set `variant` to heavy in functions/beta/image.json"}},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			r := registrytest.New(t)
			root := publishable(t, test.files)
			got := command(t, root, "publish", "--offline", "--allow-dirty", "--commit", "aaaaaaa",
				"--private-registry", r.Host, "--public-registry", r.Host+"/alias")
			assert.Equal(t, exitFailed, got.code)
			for _, message := range test.message {
				assert.Contains(t, got.stderr, message)
			}
			assert.Contains(t, got.stderr, "nothing was published")
			assert.NotContains(t, got.stdout+got.stderr, key, "the message does not repeat the key")
			assert.Empty(t, r.Requests(), "not one request was made")
		})
	}
}

func TestWithoutProprietaryFolderNothingPublicIsPublished(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	require.NoError(t, os.RemoveAll(filepath.Join(root, "shared/proprietary")))
	got := command(t, root, "audit", "--offline")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "audit beta: content: `shared/proprietary` is missing or empty: cannot check")
	assert.Contains(t, got.stdout, "1 gate FAILED")
}

func TestUnpinnedImagesStayOnThisMachine(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	got := command(t, root, "publish", "--offline", "--allow-dirty", "--commit", "aaaaaaa",
		"--private-registry", "registry.invalid", "--public-registry", "127.0.0.1:1")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, `publish alpha to registry.invalid/lambda-private-light: its base is "offline", not the pinned one`)
	assert.Contains(t, got.stderr, `publish beta to registry.invalid/lambda-private-light`)
}

func TestPublishUsage(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	tests := map[string]struct {
		args    []string
		message string
	}{
		"no commit at all":        {[]string{"--commit", "main"}, `--commit: "main" is not a commit; pass 7 to 40 digits of 0-9 and a-f`},
		"a commit too short":      {[]string{"--commit", "abc123"}, `"abc123" is not a commit`},
		"--serve without --local": {[]string{"--serve"}, "--serve and --port need --local"},
		"--local and a registry":  {[]string{"--local", "--public-registry", "127.0.0.1:1"}, "--local cannot be combined with --private-registry, --public-registry, --region, --account and --public-alias"},
		"a URL for a registry":    {[]string{"--private-registry", "https://127.0.0.1:1"}, `--private-registry: "https://127.0.0.1:1" is not the name of a registry; write host[:port][/path]`},
		"an account of letters":   {[]string{"--account", "mine"}, `--account: "mine" is not an AWS account; pass its 12 digits`},
		"an account twice":        {[]string{"--account", "123456789012", "--private-registry", "127.0.0.1:1"}, "--account has no effect beside --private-registry, which names the account; leave one out"},
		"an alias twice":          {[]string{"--public-alias", "a", "--public-registry", "127.0.0.1:1"}, "--public-alias has no effect beside --public-registry, which names the alias; leave one out"},
		"no requests at once":     {[]string{"--parallel", "0"}, "--parallel: 0 is not a number of requests"},
		"an image of nobody":      {[]string{"--only", "alhpa", "--commit", "aaaaaaa"}, `no image is named "alhpa" (did you mean "alpha"?)`},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			got := command(t, root, append([]string{"publish"}, test.args...)...)
			assert.Equal(t, exitUsage, got.code, got.stderr)
			assert.Contains(t, got.stderr, test.message)
		})
	}
}

func TestADirtyTreeIsNotPublished(t *testing.T) {
	t.Parallel()
	root := publishable(t, map[string]string{".gitignore": "/dist/\n/.cache/\n"})
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", root, "-c", "user.name=t", "-c", "user.email=t@test.invalid", "-c", "commit.gpgsign=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	git("init", "-q")
	git("add", "-A")
	git("commit", "-qm", "one")
	args := []string{"publish", "--local", "--offline", "--json"}

	p := decode(t, command(t, root, args...))
	assert.Equal(t, git("rev-parse", "--short=7", "HEAD"), p.Commit)

	require.NoError(t, os.WriteFile(filepath.Join(root, "functions/beta/main.go"), []byte("package main\n\nfunc main() { println(2) }\n"), 0o644))
	for _, more := range [][]string{nil, {"--commit", p.Commit}} {
		got := command(t, root, append(args, more...)...)
		assert.Equal(t, exitFailed, got.code)
		assert.Contains(t, got.stderr, "the work tree has uncommitted changes; commit them, or pass --allow-dirty (the first: M functions/beta/main.go)")
	}
	// By now HEAD's tag is another image's.
	got := command(t, root, append(args, "--allow-dirty")...)
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "a commit tag never changes: publish a new commit, or use --force")
	decode(t, command(t, root, append(args, "--allow-dirty", "--force")...))
}

// stand is AWS and its two registries, all stand-ins on this machine.
type stand struct {
	aws             *awsfake.AWS
	private, public *registrytest.Registry
	root            string
	environment     environment
}

func newStand(t *testing.T) stand {
	t.Helper()
	s := stand{aws: awsfake.Start(t), private: registrytest.New(t), public: registrytest.New(t), root: plain(t)}
	s.environment = s.aws.Environment()
	good := func(password string) bool { return slices.Contains(s.aws.Passwords(), password) }
	s.private.RequirePassword(good)
	s.public.RequirePassword(good)
	return s
}

func (s stand) publish(t *testing.T, args ...string) result {
	t.Helper()
	return s.environment.in(t, s.root, append([]string{"publish", "--offline", "--allow-dirty", "--private-registry", s.private.Host,
		"--public-registry", s.public.Host + "/alias"}, args...)...)
}

func TestPublishToAWS(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	got := s.publish(t, "--commit", "aaaaaaa")
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "publish to the private repository lambda-private-light: it does not exist; create it with --create-repositories")
	assert.Contains(t, got.stderr, "publish to the public repository lambda-light: it does not exist")
	assert.Empty(t, s.private.Requests())

	got = s.publish(t, "--commit", "aaaaaaa", "--dry-run", "--create-repositories")
	assert.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "repository is missing (--create-repositories creates it): lambda-light (public)")
	assert.Empty(t, s.aws.Calls("ecr.CreateRepository"))

	s.aws.Fail("ecr.GetAuthorizationToken", awsfake.Throttling, awsfake.Internal)
	before := len(s.aws.Passwords())
	p := decode(t, s.publish(t, "--commit", "aaaaaaa", "--create-repositories", "--json"))
	assert.Len(t, p.Created, 2)
	assert.Len(t, p.Outcome.Moved, 3)
	assert.Len(t, s.aws.Passwords(), before+2, "one token of each per run")
	for _, c := range s.aws.Calls("") {
		region := "eu-central-1"
		if strings.HasPrefix(c.Operation, "ecrpublic.") {
			region = "us-east-1"
		}
		assert.Equal(t, region, c.Region, c.Operation)
	}
	input := s.aws.Repository(awsfake.Private, "lambda-private-light").Input
	assert.Equal(t, "IMMUTABLE_WITH_EXCLUSION", input["imageTagMutability"])
	assert.Equal(t, []any{map[string]any{"filter": "*-latest", "filterType": "WILDCARD"}, map[string]any{"filter": "*-live", "filterType": "WILDCARD"}},
		input["imageTagMutabilityExclusionFilters"])
	assert.Equal(t, map[string]any{"scanOnPush": true}, input["imageScanningConfiguration"])
	catalogData := s.aws.Repository(awsfake.Public, "lambda-light").Input["catalogData"].(map[string]any)
	assert.Contains(t, catalogData["description"], "beta")
	assert.Equal(t, []any{"x86-64", "ARM 64"}, catalogData["architectures"])
}

func TestAWSRefuses(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		operation string
		failure   awsfake.Failure
		message   string
	}{
		"expired credentials": {"ecr.DescribeRepositories", awsfake.ExpiredToken, "look for the private repository lambda-private-light: operation error ECR: DescribeRepositories"},
		"no private login":    {"ecr.GetAuthorizationToken", awsfake.AccessDenied, "get the login for ECR in eu-central-1"},
		"no public login":     {"ecrpublic.GetAuthorizationToken", awsfake.AccessDenied, "the caller needs ecr-public:GetAuthorizationToken and sts:GetServiceBearerToken"},
	}
	for title, test := range tests {
		t.Run(title, func(t *testing.T) {
			s := newStand(t)
			s.aws.Add(awsfake.Private, "lambda-private-light")
			s.aws.Add(awsfake.Public, "lambda-light")
			s.aws.Fail(test.operation, slices.Repeat([]awsfake.Failure{test.failure}, 50)...)
			got := s.publish(t, "--commit", "aaaaaaa")
			assert.Equal(t, exitFailed, got.code)
			assert.Contains(t, got.stderr, test.message)
			assert.Contains(t, got.stderr, test.failure.Code)
		})
	}
}

func TestNoTokenIsEverPrinted(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.aws.Add(awsfake.Private, "lambda-private-light")
	s.aws.Add(awsfake.Public, "lambda-light")
	var all strings.Builder
	note := func(r result) { fmt.Fprintln(&all, r.stdout, r.stderr) }
	note(s.publish(t, "--commit", "aaaaaaa"))
	note(s.publish(t, "--commit", "aaaaaaa", "--json"))
	note(s.publish(t, "--commit", "bbbbbbb", "--dry-run"))
	// Refusals, of which messages tell most.
	s.private.RequirePassword(func(string) bool { return false })
	note(s.publish(t, "--commit", "ccccccc"))
	note(s.publish(t, "--commit", "ccccccc", "--json"))
	s.public.RequireToken(0)
	note(s.publish(t, "--commit", "ccccccc"))
	s.private.Fail(registrytest.From(1, false))

	require.NotEmpty(t, s.aws.Passwords())
	require.Contains(t, all.String(), "the registry does not accept the login", "the refusals are in what was looked through")
	for _, password := range s.aws.Passwords() {
		encoded := base64.StdEncoding.EncodeToString([]byte("AWS:" + password))
		for _, secret := range []string{password, encoded, encoded[:20]} {
			assert.NotContains(t, all.String(), secret)
		}
	}
	assert.NotContains(t, all.String(), "nobody-may-see")
}
