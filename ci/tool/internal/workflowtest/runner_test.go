//go:build workflows

package workflowtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

const repository = "../../../.."

// github is a repository at GitHub with a runner: a clone of this one, whose base and ffmpeg
// are small images that the cloud serves.
type github struct {
	t     *testing.T
	cloud *cloud
	dir   string // the clone
	home  string
	log   string // what the stand-ins note
	vars  []string
	more  []string // environment
}

func newGitHub(t *testing.T) *github {
	t.Helper()
	g := &github{t: t, cloud: newCloud(t), dir: filepath.Join(t.TempDir(), "lambdas"), home: t.TempDir(), log: filepath.Join(t.TempDir(), "log")}
	source, err := filepath.Abs(repository)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(g.log, nil, 0o600))
	require.NoError(t, os.Mkdir(g.dir, 0o755))
	g.git("init", "-q", "--initial-branch=main")
	// A history of its own, which is complete wherever this clone comes from.
	g.git("fetch", "-q", "--depth=1", "file://"+source, "HEAD")
	g.git("checkout", "-q", "--orphan", "main", "FETCH_HEAD")
	g.commit("All of it")
	require.NoError(t, os.Remove(filepath.Join(g.dir, ".git", "shallow")))
	g.git("remote", "add", "origin", "https://github.com/us/lambdas.git")
	testkit.Write(t, g.dir, map[string]string{"ci/images.lock.json": g.pins()})
	g.commit("Pin images of the test")
	return g
}

// pins pushes a base and an ffmpeg to the cloud, and returns the lock file that names them.
func (g *github) pins() string {
	g.t.Helper()
	base, ffmpeg := testkit.Base(g.t), testkit.FFmpeg(g.t)
	g.push("public.ecr.aws/lambda/provided:al2023", base)
	g.push("index.docker.io/mwader/static-ffmpeg:9.0.2", ffmpeg)
	l, err := lock.Load(g.dir)
	require.NoError(g.t, err)
	l.Base.Digest, l.FFmpeg.Digest = testkit.DigestOf(g.t, base).String(), testkit.DigestOf(g.t, ffmpeg).String()
	data, err := json.MarshalIndent(l, "", "  ")
	require.NoError(g.t, err)
	return string(data) + "\n"
}

// push puts an image or an index into a registry of the cloud.
func (g *github) push(reference string, what remote.Taggable) {
	g.t.Helper()
	ref, err := name.ParseReference(reference)
	require.NoError(g.t, err)
	through := remote.WithTransport(g.cloud.transport(g.t))
	switch what := what.(type) {
	case v1.ImageIndex:
		require.NoError(g.t, remote.WriteIndex(ref, what, through))
	case v1.Image:
		require.NoError(g.t, remote.Write(ref, what, through))
	}
}

func (g *github) git(args ...string) string {
	g.t.Helper()
	cmd := exec.Command("git", append([]string{"-C", g.dir, "-c", "user.name=dana", "-c", "user.email=dana@example.test", "-c", "commit.gpgsign=false"}, args...)...)
	out, err := cmd.CombinedOutput()
	require.NoError(g.t, err, string(out))
	return strings.TrimSpace(string(out))
}

// commit commits all changes.
func (g *github) commit(message string) {
	g.t.Helper()
	g.git("add", "-A")
	g.git("commit", "-q", "--allow-empty", "-m", message)
}

// edit changes a function, so that its image is another one.
func (g *github) edit(file string) {
	g.t.Helper()
	path := filepath.Join(g.dir, file)
	data, err := os.ReadFile(path)
	require.NoError(g.t, err)
	require.NoError(g.t, os.WriteFile(path, append(data, "\nfunc init() { println(\"edited\") }\n"...), 0o600))
}

// step is how a step of a job ended.
type step struct{ job, name, result string }

// run is a run of a workflow.
type run struct {
	ok      bool
	jobs    map[string]string // the result of each job that ran, by ID
	steps   []step
	summary map[string]string // of each job
	log     string            // all that is printed
	noted   string            // by the stand-ins
}

// result returns how a step ended; "" if it did not run.
func (r run) result(job, name string) string {
	for _, s := range r.steps {
		if s.job == job && s.name == name {
			return s.result
		}
	}
	return ""
}

var actions = regexp.MustCompile(`uses: ([a-z-]+/[a-z-]+(?:/[a-z]+)?)@([0-9a-f]{40})`)

// standIns returns the flags that put our actions in the places of those of others. An
// action without a stand-in is an error of the test: act would fetch it.
func (g *github) standIns() (flags []string) {
	g.t.Helper()
	seen := map[string]bool{}
	for _, file := range testkit.Sources(g.t, repository, ".yml") {
		for _, found := range actions.FindAllStringSubmatch(string(testkit.Source(g.t, repository, file)), -1) {
			owner, rest, _ := strings.Cut(found[1], "/")
			action, _, _ := strings.Cut(rest, "/")
			flag := "--local-repository=" + owner + "/" + action + "@" + found[2] + "="
			dir, err := filepath.Abs(filepath.Join("testdata", "actions", action))
			require.NoError(g.t, err)
			if !seen[flag] {
				require.DirExists(g.t, dir, "the stand-in for %s", found[1])
				seen[flag] = true
				flags = append(flags, flag+dir)
			}
		}
	}
	return flags
}

// event runs a workflow. The clone stands at the commit of the event, which is at ref.
func (g *github) event(workflow, event, ref string, payload map[string]any, more ...string) run {
	g.t.Helper()
	payload["repository"] = map[string]any{"full_name": "us/lambdas", "default_branch": "main"}
	payload["ref"] = ref
	file := filepath.Join(g.t.TempDir(), "event.json")
	data, err := json.Marshal(payload)
	require.NoError(g.t, err)
	require.NoError(g.t, os.WriteFile(file, data, 0o600))
	args := append(g.standIns(), "--json", "--no-skip-checkout", "--platform=ubuntu-24.04=-self-hosted",
		"--platform=ubuntu-24.04-arm=-self-hosted", "--platform=macos-15=-self-hosted", "--eventpath="+file,
		"--workflows=.github/workflows/"+workflow, "--actor=dana", "--var=AWS_REGION="+region, "--var=DAGGER_RUNNER_HOST=tcp://stand-in.invalid:1", "--concurrent-jobs=1")
	for _, v := range g.vars {
		args = append(args, "--var="+v)
	}
	cmd := exec.CommandContext(g.t.Context(), act(g.t), append(append([]string{event}, args...), more...)...)
	cmd.Dir = g.dir
	cmd.Env = append(g.environment(), "WORKFLOW_ORIGIN=file://"+g.dir, "WORKFLOW_REF="+ref)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(g.t, os.WriteFile(g.log, nil, 0o600))
	err = cmd.Run()
	noted, noteErr := os.ReadFile(g.log)
	require.NoError(g.t, noteErr)
	r := read(g.t, out.Bytes())
	r.ok, r.noted = err == nil, string(noted)
	g.clean(r)
	return r
}

// environment is that of a runner: a home of its own, and what this machine has compiled.
func (g *github) environment() []string {
	g.t.Helper()
	bin, err := filepath.Abs(filepath.Join("testdata", "bin"))
	require.NoError(g.t, err)
	realMake, err := exec.LookPath("make")
	require.NoError(g.t, err)
	env := os.Environ()
	for _, v := range []string{"GOCACHE", "GOMODCACHE", "GOPROXY", "GOFLAGS", "GOSUMDB"} {
		value, err := exec.Command("go", "env", v).Output()
		require.NoError(g.t, err)
		env = append(env, v+"="+strings.TrimSpace(string(value)))
	}
	return slices.Concat(env, g.more, []string{"HOME=" + g.home, "PATH=" + bin + ":" + os.Getenv("PATH"), "WORKFLOW_LOG=" + g.log, "WORKFLOW_MAKE=" + realMake, "CI_CACHE=", "CI_SOURCES=",
		"HTTPS_PROXY=" + g.cloud.proxy, "https_proxy=", "NO_PROXY=127.0.0.1,localhost", "SSL_CERT_FILE=" + g.cloud.roots, "AWS_CA_BUNDLE=" + g.cloud.roots,
		"AWS_EC2_METADATA_DISABLED=true", "_EXPERIMENTAL_DAGGER_RUNNER_HOST=tcp://stand-in.invalid:1"})
}

// clean fails the test if a credential is in what a run printed or kept.
func (g *github) clean(r run) {
	g.t.Helper()
	secrets := append(g.cloud.aws.Passwords(), "nobody-may-see")
	for _, text := range append([]string{r.log}, slices.Collect(maps.Values(r.summary))...) {
		for _, secret := range secrets {
			require.NotContains(g.t, text, secret)
		}
	}
}

// act is the runner that the Makefile built.
func act(t *testing.T) string {
	t.Helper()
	file, err := filepath.Abs(filepath.Join(repository, "bin", "act"))
	require.NoError(t, err)
	require.FileExists(t, file, "make test-workflows builds it")
	return file
}

// read reads what act prints.
func read(t *testing.T, out []byte) run {
	t.Helper()
	r := run{jobs: map[string]string{}, summary: map[string]string{}}
	var text strings.Builder
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var l struct {
			Msg, Job, JobID, JobResult, Stage, Step, StepResult string
			StepID                                              []string
			Command                                             string
		}
		if json.Unmarshal(lines.Bytes(), &l) != nil {
			text.WriteString(lines.Text() + "\n")
			continue
		}
		text.WriteString(l.Job + " | " + strings.TrimRight(l.Msg, "\n") + "\n")
		if l.JobResult != "" {
			r.jobs[l.JobID] = l.JobResult
		}
		if l.StepResult != "" && l.Stage == "Main" && len(l.StepID) == 1 {
			r.steps = append(r.steps, step{l.JobID, l.Step, l.StepResult})
		}
		if _, content, ok := strings.Cut(l.Msg, "Summary - "); ok {
			r.summary[l.JobID] += content
		}
	}
	require.NoError(t, lines.Err())
	r.log = text.String()
	return r
}
