package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/registry/localregistry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// stage is a workspace of three functions, a registry, and AWS.
type stage struct {
	t       *testing.T
	aws     *lambdafake.Fake
	catalog *catalog.Catalog
	host    string
	// story is what the commands printed, for a golden.
	story bytes.Buffer
	names map[string]string // of digests
	// more variables than those of the stand-in, for its command lines.
	more environment
	// arrived, if set, is called when a request to the registry arrives.
	arrived atomic.Pointer[func()]
	// deny, if set, may refuse a request to the registry.
	deny atomic.Pointer[func(http.ResponseWriter, *http.Request) bool]
}

func newStage(t *testing.T) *stage {
	t.Helper()
	lock, err := os.ReadFile(filepath.Join(repository, "ci", "images.lock.json"))
	require.NoError(t, err)
	light := testkit.Description(t, catalog.Function{Image: "thumb", Variant: catalog.Light, Registry: catalog.Public, Lambda: "Thumb"})
	s := &stage{t: t, aws: lambdafake.New(t), names: map[string]string{}, more: environment{hurryVariable: "yes"}}
	s.catalog = testkit.Workspace(t, map[string]string{
		"ci/images.lock.json":                            string(lock),
		"functions/thumbnail-lambda/image.json":          light,
		"shared/proprietary/prompts/prompts.go":          "package prompts\n\n// Secret is the recipe that nobody else may see.\nconst Secret = \"the recipe that nobody else may see, in one line\"\n",
		"functions/media-lambda/client.go":               testkit.Client,
		"functions/enhance-lambda/client.go":             testkit.Client,
		"functions/thumbnail-lambda/client.go":           testkit.Client,
		"functions/media-lambda/testdata/event.json":     "{}",
		"functions/enhance-lambda/testdata/event.json":   "{}",
		"functions/thumbnail-lambda/testdata/event.json": "{}",
	})
	images := localregistry.New("inmemory", nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if arrived := s.arrived.Load(); arrived != nil {
			(*arrived)()
		}
		if deny := s.deny.Load(); deny != nil && (*deny)(w, r) {
			return
		}
		images.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	s.host = strings.TrimPrefix(server.URL, "http://")
	s.functions(s.aws)
	return s
}

// here makes this process use the stand-in, and wait as little as its command lines.
func (s *stage) here() {
	s.t.Helper()
	s.aws.Env(s.t)
	before, then := pace, clock
	hurry()
	s.t.Cleanup(func() { pace, clock = before, then })
}

// hurry makes waiting short, and the time of a canary pass at once.
func hurry() {
	logPause = 10 * time.Millisecond
	pace = deploy.Pace{Poll: time.Millisecond, PollLongest: 5 * time.Millisecond, Settle: 20 * time.Second, Revert: 20 * time.Second,
		Smoke: 20 * time.Second, Watch: 15 * time.Second}
	now := time.Now()
	clock = deploy.Clock{Now: func() time.Time { return now }, Sleep: func(ctx context.Context, d time.Duration) error {
		now = now.Add(d)
		return ctx.Err()
	}}
}

// functions makes the functions in an account.
func (s *stage) functions(aws *lambdafake.Fake) {
	for _, f := range s.catalog.Functions {
		aws.Add(f.Lambda, s.host+"/lambda-private-light@"+testkit.Digest("by hand "+f.Image).String())
	}
}

// ci runs one command line and writes what it prints into the story.
func (s *stage) ci(code int, line string) {
	s.t.Helper()
	environment := with(s.aws).and(s.more)
	words := strings.Fields(line)
	args := append([]string{"--root", s.catalog.Root, "--cache", kept(), "--private-registry", s.host}, words...)
	if words[0] == "publish" || words[0] == "plan" {
		args = append(args, "--public-registry", s.host, "--offline")
	}
	if words[0] == "publish" { // the stand-in is Lambda's, not ECR's
		environment["AWS_ENDPOINT_URL"] = ""
		args = append(args, "--move-latest") // most stages have no repository, which has the order of commits
	}
	got := environment.run(s.t, args...)
	assert.Equal(s.t, code, got.code, "ci %s\n%s%s", line, got.stdout, got.stderr)
	fmt.Fprintf(&s.story, "$ bin/ci %s\n%s%s(exit code %d)\n\n", line, got.stderr, got.stdout, got.code)
}

var (
	digests   = regexp.MustCompile(`sha256:[0-9a-f]{12}([0-9a-f]{52})?`)
	durations = regexp.MustCompile(`[0-9]+(\.[0-9]+)? s\b`)
	times     = regexp.MustCompile(`20[0-9]{2}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2} UTC`)
	stamps    = regexp.MustCompile(`release-[0-9]{8}T[0-9]{6}\.[0-9]{3}Z`)
	steps     = regexp.MustCompile(`(?m)^[…✓] .*  T s\n`)
	sizes     = regexp.MustCompile(`[0-9]+ bytes`)
	megabytes = regexp.MustCompile(`[0-9]+\.[0-9]  `)
)

// told is the story without what differs from run to run.
func (s *stage) told() []byte {
	text := digests.ReplaceAllStringFunc(s.story.String(), func(d string) string {
		d = d[:len("sha256:")+12]
		if _, ok := s.names[d]; !ok {
			s.names[d] = fmt.Sprintf("sha256:%012d", len(s.names)+1)
		}
		return s.names[d]
	})
	text = durations.ReplaceAllString(text, "T s")
	text = times.ReplaceAllString(text, "2026-05-22 12:00 UTC")
	text = stamps.ReplaceAllString(text, "release-20260522T120000.000Z")
	text = sizes.ReplaceAllString(steps.ReplaceAllString(text, ""), "N bytes")
	text = megabytes.ReplaceAllString(text, "N.N  ")
	return []byte(strings.ReplaceAll(strings.ReplaceAll(text, s.host, "REGISTRY"), s.catalog.Root, "ROOT"))
}

// edit makes a function's binary another one.
func (s *stage) edit(folder string) {
	testkit.Write(s.t, s.catalog.Root, map[string]string{
		"functions/" + folder + "/main.go": "package main\n\nfunc main() { println(\"second\") }\n",
	})
}

// From publishing to rolling back, as a person sees it.
func TestAReleaseFromEndToEnd(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.ci(exitDone, "publish --commit 1111111")
	s.story.Reset()

	s.ci(exitFailed, "deploy --commit 2222222")
	s.ci(exitDone, "deploy --commit 1111111 --dry-run")
	assert.Empty(t, s.aws.Calls("UpdateFunctionCode"))
	s.ci(exitDone, "deploy --commit 1111111 --parallel 1")
	assert.Len(t, s.aws.Calls("UpdateFunctionCode"), 3)
	s.ci(exitDone, "deploy --commit 1111111")
	assert.Len(t, s.aws.Calls("UpdateFunctionCode"), 3, "what is deployed gets no update call")
	s.ci(exitFailed, "rollback")

	s.edit("media-lambda")
	s.edit("thumbnail-lambda")
	story := s.story.String()
	s.ci(exitDone, "publish --commit 2222222")
	s.story.Reset()
	s.story.WriteString(story)
	s.aws.Answer = failing("Thumb", 2)
	s.ci(exitRolledBack, "deploy --commit 2222222 --parallel 1")
	s.ci(exitDone, "status")
	s.ci(exitDone, "deploy --commit 2222222 --parallel 1 --smoke --alias live")
	s.ci(exitDone, "status")
	s.ci(exitDone, "rollback --parallel 1")
	s.ci(exitDone, "status")
	s.aws.Change("Api", func(f *lambdafake.Function) {
		f.Image = s.host + "/lambda-private-light@" + testkit.Digest("by hand").String()
	})
	s.aws.Remove("Enhance")
	s.ci(exitDone, "status")
	s.ci(exitFailed, "rollback --to 3333333")

	t.Log(s.story.String())
	testkit.Golden(t, "release.golden", s.told())
}

// A plan with all in sight, and one without AWS.
func TestAPlan(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-c", "user.name=dana", "-c", "user.email=dana@example.org", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Dir = s.catalog.Root
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return strings.TrimSpace(string(out))
	}
	testkit.Write(t, s.catalog.Root, map[string]string{".gitignore": "/dist/\n"})
	git("init", "-q")
	git("add", ".")
	git("commit", "-qm", "first")
	first := git("rev-parse", "--short=7", "HEAD")
	s.ci(exitDone, "publish --commit "+first)
	s.ci(exitDone, "deploy --commit "+first)
	s.edit("media-lambda")
	testkit.Write(t, s.catalog.Root, map[string]string{
		"functions/thumbnail-lambda/README.md": "not part of the image\n",
		"shared/greet/a.go":                    "// Package greet greets friends.\npackage greet\n\n// Word is a greeting.\nconst Word = \"hello\"\n",
	})
	git("add", ".")
	git("commit", "-qm", "second")
	second := git("rev-parse", "--short=7", "HEAD")
	s.story.Reset()

	s.ci(exitDone, "plan")
	s.ci(exitDone, "plan --json")
	assert.Contains(t, s.story.String(), `"functions/media-lambda/main.go"`)
	s.story.Truncate(strings.Index(s.story.String(), "$ bin/ci plan --json"))
	s.more["AWS_MAX_ATTEMPTS"] = "1"
	s.aws.Answer = func(lambdafake.Call) lambdafake.Reply {
		return lambdafake.Reply{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: "not authorized"}
	}
	s.ci(exitDone, "plan --since "+first)
	s.ci(exitUsage, "plan --only nothing")
	s.ci(exitUsage, "plan --since nonsense")

	text := strings.NewReplacer(first, "1111111", second, "2222222").Replace(string(s.told()))
	testkit.Golden(t, "plan.golden", []byte(text))
}

func TestInvokingTheDeployedFunction(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.invoke(exitDone, "invoke --remote --name api --json")
	assert.Contains(t, s.story.String(), "\"ok\": true")
	assert.Contains(t, s.story.String(), "START\nhello\nEND\n")
	s.aws.Answer = func(lambdafake.Call) lambdafake.Reply { return lambdafake.Reply{Error: "Unhandled"} }
	s.invoke(exitFailed, "invoke --remote --name api")
	assert.Contains(t, s.story.String(), "ci: api reported Boom: it broke\n")
	s.aws.Remove("Api")
	s.invoke(exitFailed, "invoke --remote --name api")
	assert.Contains(t, s.story.String(), "ci: Invoke Api: ResourceNotFoundException: Function not found: ")
	s.invoke(exitUsage, "invoke --remote --name api --env A=b")
	assert.Contains(t, s.story.String(), "ci: --env says how to start a function here; it cannot be combined with --remote\n")
	s.invoke(exitUsage, "invoke --name api --qualifier live")
	assert.Contains(t, s.story.String(), "ci: --qualifier and --region need --remote\n")
}

// invoke runs a command line that names no registry.
func (s *stage) invoke(code int, line string) {
	s.t.Helper()
	got := with(s.aws).run(s.t, append([]string{"--root", s.catalog.Root}, strings.Fields(line)...)...)
	s.story.WriteString(got.stderr + got.stdout)
	assert.Equal(s.t, code, got.code, s.story.String())
}

// failing makes the nth update of a function fail.
func failing(name string, nth int) func(lambdafake.Call) lambdafake.Reply {
	return func(c lambdafake.Call) lambdafake.Reply {
		if c.Operation == "UpdateFunctionCode" && c.Function == name && !c.DryRun && c.Count == nth {
			return lambdafake.Reply{Fail: "InvalidImage: UnsupportedImageLayerDetected Layer Digest"}
		}
		return lambdafake.Reply{}
	}
}
