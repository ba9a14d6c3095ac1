package main

import (
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"lambdas.internal/ci/internal/dagger"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// inputs are what the engine hands to the functions.
var inputs = map[string]string{"source": "Directory", "tool": "Directory", "repository": "Directory", "event": "File",
	"key": "Secret", "secret": "Secret", "token": "Secret"}

// given is an input as a function's parameter.
func given[T any](t *testing.T, id string) *T {
	t.Helper()
	v := new(T)
	quoted, err := json.Marshal(id)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(quoted, v); err != nil {
		t.Fatal(err)
	}
	return v
}

// options are the constructor's arguments that tests vary.
type options struct {
	platform              dagger.Platform
	base, ffmpeg, builder string
}

// module is what the engine has after it called New.
func module(t *testing.T, o options) *Ci {
	t.Helper()
	if o.platform == "" {
		o.platform = "linux/amd64"
	}
	m, err := New(given[dagger.Directory](t, "source"), given[dagger.Directory](t, "tool"),
		o.platform, o.base, o.ffmpeg, o.builder, "us-east-1", "", "", "private.example/x", "", "",
		given[dagger.Secret](t, "key"), given[dagger.Secret](t, "secret"), given[dagger.Secret](t, "token"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// invocation is one call of a function, with a golden file of its name.
type invocation struct {
	name   string
	method string
	options
	call func(t *testing.T, m *Ci) (any, error)
}

var invocations = []invocation{
	{name: "list", method: "List", call: func(t *testing.T, m *Ci) (any, error) { return m.List(t.Context()) }},
	{name: "builder", method: "Builder", call: func(_ *testing.T, m *Ci) (any, error) { return m.Builder(), nil }},
	{name: "builder-given", method: "Builder", options: options{builder: "registry.example/golang:1"},
		call: func(_ *testing.T, m *Ci) (any, error) { return m.Builder(), nil }},
	{name: "binaries", method: "Binaries", call: func(t *testing.T, m *Ci) (any, error) { return m.Binaries(t.Context(), nil) }},
	{name: "binaries-only", method: "Binaries",
		call: func(t *testing.T, m *Ci) (any, error) { return m.Binaries(t.Context(), []string{"api", "thumb"}) }},
	{name: "base", method: "Base", call: func(t *testing.T, m *Ci) (any, error) { return m.Base(t.Context()) }},
	{name: "base-given", method: "Base", options: options{base: "registry.example/base:1"},
		call: func(t *testing.T, m *Ci) (any, error) { return m.Base(t.Context()) }},
	{name: "ffmpeg-layer", method: "FfmpegLayer", call: func(t *testing.T, m *Ci) (any, error) { return m.FfmpegLayer(t.Context()) }},
	{name: "ffmpeg-layer-given", method: "FfmpegLayer", options: options{ffmpeg: "registry.example/ffmpeg:1"},
		call: func(t *testing.T, m *Ci) (any, error) { return m.FfmpegLayer(t.Context()) }},
	{name: "images", method: "Images", call: func(t *testing.T, m *Ci) (any, error) { return m.Images(t.Context(), nil) }},
	{name: "build-all", method: "BuildAll", call: func(t *testing.T, m *Ci) (any, error) { return m.BuildAll(t.Context(), nil) }},
	{name: "build-all-arm64", method: "BuildAll", options: options{platform: "linux/arm64"},
		call: func(t *testing.T, m *Ci) (any, error) { return m.BuildAll(t.Context(), []string{"thumb"}) }},
	{name: "image", method: "Image", options: options{platform: "linux/arm64"},
		call: func(t *testing.T, m *Ci) (any, error) { return m.Image(t.Context(), "api") }},
	{name: "invoke", method: "Invoke", call: func(t *testing.T, m *Ci) (any, error) { return m.Invoke(t.Context(), "api", nil) }},
	{name: "invoke-event", method: "Invoke",
		call: func(t *testing.T, m *Ci) (any, error) {
			return m.Invoke(t.Context(), "thumb", given[dagger.File](t, "event"))
		}},
	{name: "audit", method: "Audit", call: func(t *testing.T, m *Ci) (any, error) { return m.Audit(t.Context(), []string{"enhance"}) }},
	{name: "publish", method: "Publish", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Publish(t.Context(), "abc1234", nil, false, false, false)
	}},
	{name: "publish-flags", method: "Publish", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Publish(t.Context(), "abc1234", []string{"api"}, true, true, true)
	}},
	{name: "plan", method: "Plan", call: func(t *testing.T, m *Ci) (any, error) { return m.Plan(t.Context(), "abc1234", nil) }},
	{name: "deploy", method: "Deploy", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Deploy(t.Context(), "abc1234", []string{"api"}, "live", true, true)
	}},
	{name: "rollback", method: "Rollback", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Rollback(t.Context(), "", "", false, false)
	}},
	{name: "status", method: "Status", call: func(t *testing.T, m *Ci) (any, error) { return m.Status(t.Context()) }},
	{name: "test", method: "Test", call: func(t *testing.T, m *Ci) (any, error) {
		return nil, m.Test(t.Context(), given[dagger.Directory](t, "repository"))
	}},
	{name: "lint", method: "Lint", call: func(t *testing.T, m *Ci) (any, error) {
		return nil, m.Lint(t.Context(), given[dagger.Directory](t, "repository"))
	}},
	{name: "tidy", method: "Tidy", call: func(t *testing.T, m *Ci) (any, error) {
		return nil, m.Tidy(t.Context(), given[dagger.Directory](t, "repository"))
	}},
}

// made is what the session received for an invocation, and the ID of its last query.
func (i invocation) made(t *testing.T) (s *session, last string) {
	t.Helper()
	s = open(t, inputs)
	result, err := i.call(t, module(t, i.options))
	if err != nil {
		t.Fatal(err)
	}
	// As the generated code does it, which asks objects for their IDs.
	dagger.SetMarshalContext(t.Context())
	if _, err := json.Marshal(result); err != nil {
		t.Fatal(err)
	}
	return s, s.received[len(s.received)-1]
}

func TestQueriesAreAsInTheGoldenFiles(t *testing.T) {
	for _, i := range invocations {
		t.Run(i.name, func(t *testing.T) {
			s, _ := i.made(t)
			golden(t, i.name, s.document())
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".graphql")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got == string(want) {
		return
	}
	was, is := strings.Split(string(want), "\n"), strings.Split(got, "\n")
	at := 0
	for at < min(len(was), len(is)) && was[at] == is[at] {
		at++
	}
	t.Errorf("%s differs from line %d on (see it with `go test -update` and git diff):\nwas: %s\nis:  %s",
		file, at+1, strings.Join(was[at:min(at+1, len(was))], ""), strings.Join(is[at:min(at+1, len(is))], ""))
}

func TestEveryFunctionHasAGoldenFile(t *testing.T) {
	generated := []string{"MarshalJSON", "UnmarshalJSON"}
	for method := range reflect.TypeFor[*Ci]().Methods() {
		tested := slices.ContainsFunc(invocations, func(i invocation) bool { return i.method == method.Name })
		if !tested && !slices.Contains(generated, method.Name) {
			t.Errorf("no invocation here calls %s", method.Name)
		}
	}
	files, err := filepath.Glob("testdata/*.graphql")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".graphql")
		if name != "schema" && !slices.ContainsFunc(invocations, func(i invocation) bool { return i.name == name }) {
			t.Errorf("%s belongs to no invocation here", f)
		}
	}
}

// execs calls f for every command that the session was asked to run, with what
// was done to its container before.
func execs(s *session, f func(before []call, args []any)) {
	for _, id := range s.received {
		calls := s.calls(id)
		for n, c := range calls {
			if c.name == "withExec" {
				f(calls[:n], c.args["args"].([]any))
			}
		}
	}
}

// mounts are the sources of what is mounted before a command, by path.
func mounts(s *session, before []call) map[any]string {
	found := map[any]string{}
	for _, c := range before {
		switch c.name {
		case "withMountedCache":
			found[c.args["path"]] = "cache " + s.calls(c.args["cache"].(string))[0].args["key"].(string)
		case "withMountedDirectory", "withDirectory", "withMountedFile", "withFile":
			if path, ok := c.args["path"]; ok && c.args["source"] != nil {
				found[path] = c.args["source"].(string)
			}
		}
	}
	return found
}

func TestCommandsHaveTheirCachesInVolumes(t *testing.T) {
	for _, i := range invocations {
		s, _ := i.made(t)
		execs(s, func(before []call, args []any) {
			at := mounts(s, before)
			want := map[string]string{"/go/pkg/mod": "cache lambdas-go-mod", "/root/.cache/go-build": "cache lambdas-go-build"}
			if args[0] == "ci" {
				want["/cache"] = "cache lambdas-ci"
			}
			for path, volume := range want {
				if at[path] != volume {
					t.Errorf("%s: %v runs with %q at %s, not %q", i.name, args, at[path], path, volume)
				}
			}
		})
	}
}

// Steps that do not need the code see only what an edit of it leaves as it is.
func TestTheProgramWorksOnWhatItNeeds(t *testing.T) {
	described := []any{"go.work", "functions/*/go.mod", "functions/*/image.json", "ci/images.lock.json"}
	for _, i := range invocations {
		s, _ := i.made(t)
		execs(s, func(before []call, args []any) {
			if args[0] != "ci" {
				return
			}
			made := s.calls(mounts(s, before)["/src"])
			all := !slices.Contains([]any{"list", "base", "ffmpeg-layer", "image"}, args[1])
			if made[0].args["id"] != "source" || all != (len(made) == 1) {
				t.Errorf("%s: %v sees %v", i.name, args, made)
			}
			if include, _ := made[len(made)-1].args["include"].([]any); !all && !slices.Equal(include, described) {
				t.Errorf("%s: %v sees %v", i.name, args, include)
			}
			if !slices.ContainsFunc(before, func(c call) bool { return c.name == "withWorkdir" && c.args["path"] == "/src" }) {
				t.Errorf("%s: %v does not run in /src", i.name, args)
			}
		})
	}
}

// An edit of a function must not compile the program again, nor fetch modules.
func TestProgramAndModulesDoNotDependOnTheFunctions(t *testing.T) {
	s, _ := invocation{call: func(t *testing.T, m *Ci) (any, error) { return m.BuildAll(t.Context(), nil) }}.made(t)
	seen := 0
	execs(s, func(before []call, args []any) {
		if args[0] != "go" {
			return
		}
		seen++
		for path, source := range mounts(s, before) {
			filtered := false
			if o, ok := s.objects[source]; ok && o.query != nil {
				for _, c := range s.calls(source) {
					include, _ := c.args["include"].([]any)
					filtered = filtered || c.name == "filter" && slices.Equal(include, []any{"go.work", "go.work.sum", "**/go.mod", "**/go.sum"})
				}
			}
			if source == "source" || strings.HasPrefix(path.(string), "/src") && !filtered {
				t.Errorf("%v sees the functions' sources at %v", args, path)
			}
		}
	})
	if seen == 0 {
		t.Error("neither the program is compiled nor modules are fetched")
	}
}

func TestPlatformIsCompiledForNotRunOn(t *testing.T) {
	for _, platform := range []dagger.Platform{"linux/amd64", "linux/arm64"} {
		for _, i := range invocations {
			i.platform = platform
			s, _ := i.made(t)
			execs(s, func(before []call, args []any) {
				if n := slices.Index(args, any("--platform")); n >= 0 && args[n+1] != string(platform) {
					t.Errorf("%s: %v for %s", i.name, args, platform)
				}
				if before[0].name == "container" && before[0].args["platform"] != nil {
					t.Errorf("%s: %v would run on %v", i.name, args, before[0].args["platform"])
				}
			})
			for _, id := range s.received {
				calls := s.calls(id)
				if slices.ContainsFunc(calls, func(c call) bool { return c.name == "import" }) && calls[0].args["platform"] != string(platform) {
					t.Errorf("%s: imported for %v, not %s", i.name, calls[0].args["platform"], platform)
				}
			}
		}
	}
}

func TestWhatActsOnTheWorldRunsEachTime(t *testing.T) {
	acting := []string{"Invoke", "Publish", "Plan", "Deploy", "Rollback", "Status"}
	for _, i := range invocations {
		s, _ := i.made(t)
		if got := strings.Contains(s.document(), `"NOW"`); got != slices.Contains(acting, i.method) {
			t.Errorf("%s: runs each time: %t", i.name, got)
		}
	}
	s := open(t, inputs)
	in := always(dag.Container())
	id, err := in.ID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if calls := s.calls(string(id)); calls[len(calls)-1].name != "withEnvVariable" {
		t.Errorf("%v", calls)
	}
}

// Only the one command that acts on AWS has the credentials.
func TestOnlyTheActingCommandHasCredentials(t *testing.T) {
	for _, i := range invocations {
		s, _ := i.made(t)
		execs(s, func(before []call, args []any) {
			var got []any
			for _, c := range before {
				if c.name == "withSecretVariable" {
					got = append(got, c.args["name"], c.args["secret"])
				}
			}
			var want []any
			if len(args) > 1 && slices.Contains([]any{"publish", "plan", "deploy", "rollback", "status"}, args[1]) {
				want = []any{"AWS_ACCESS_KEY_ID", "key", "AWS_SECRET_ACCESS_KEY", "secret", "AWS_SESSION_TOKEN", "token"}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v runs with the secrets %v", i.name, args, got)
			}
		})
	}
}

// The module holds secrets as *dagger.Secret, which go to containers as secret
// variables or mounts: what it sends never has one in clear.
func TestNoSecretIsSentInClear(t *testing.T) {
	credential := regexp.MustCompile(`(?i)secret|token|passw|credential|access_?key|api_?key`)
	for _, i := range invocations {
		s, _ := i.made(t)
		for _, id := range s.received {
			for _, f := range path(s.objects[id].query) {
				if f.Name == "setSecret" || f.Name == "plaintext" {
					t.Errorf("%s sends %s, which shows a secret", i.name, f.Name)
				}
				name := f.Arguments.ForName("name")
				if f.Name == "withEnvVariable" && name != nil && credential.MatchString(name.Value.Raw) {
					t.Errorf("%s sets %s as a plain variable", i.name, name.Value.Raw)
				}
			}
		}
	}
	secret := reflect.TypeFor[*dagger.Secret]()
	for method := range reflect.TypeFor[*Ci]().Methods() {
		for n := range method.Type.NumOut() {
			if method.Type.Out(n) == secret {
				t.Errorf("%s returns a secret", method.Name)
			}
		}
	}
	for n := range reflect.TypeFor[Ci]().NumField() {
		f := reflect.TypeFor[Ci]().Field(n)
		if credential.MatchString(f.Name) && f.Type != secret {
			t.Errorf("the field %s is a %s", f.Name, f.Type)
		}
	}
}

func TestFailureIsWhatTheProgramSaid(t *testing.T) {
	failed := func(stderr string) *gqlerror.Error {
		return &gqlerror.Error{Message: "exit code: 1", Extensions: map[string]any{
			"_type": "EXEC_ERROR", "exitCode": 1, "cmd": []string{"ci", "images"}, "stderr": stderr, "stdout": "",
		}}
	}
	for _, tc := range []struct {
		name   string
		answer *gqlerror.Error
		want   string
	}{
		{"its line", failed("base ...\nci: no image is named \"x\"\n"), `no image is named "x"`},
		{"all its lines", failed("ci: compile api (functions/media-lambda):\nci: main.go:3:1: syntax error\n"),
			"compile api (functions/media-lambda):\nmain.go:3:1: syntax error"},
		{"not its warnings", failed("ci: warning: not pinned\nci: choose the base: no such host\n"), "choose the base: no such host"},
		{"the engine's when it said nothing", failed("killed\n"), "exit code: 1"},
		{"the engine's when it did not run", &gqlerror.Error{Message: "failed to resolve image"}, "failed to resolve image"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, i := range invocations {
				switch i.method {
				case "Builder", "Test", "Lint", "Tidy":
					continue // these do not run the program
				}
				s := open(t, inputs)
				s.fail, s.failField = tc.answer, "sync"
				switch i.method {
				case "List", "BuildAll", "Audit", "Publish", "Plan", "Deploy", "Rollback", "Status":
					s.failField = "stdout"
				}
				_, err := i.call(t, module(t, i.options))
				if err == nil || err.Error() != tc.want {
					t.Errorf("%s: %v, not %s", i.name, err, tc.want)
				}
			}
		})
	}
}

func TestInvokeNeedsABaseWithAnEmulator(t *testing.T) {
	open(t, inputs)
	_, err := module(t, options{base: "static"}).Invoke(t.Context(), "api", nil)
	if err == nil || !strings.Contains(err.Error(), "bin/ci invoke --name api") {
		t.Error(err)
	}
}

func TestBuilderIsTheLockedOne(t *testing.T) {
	was := lockFile
	t.Cleanup(func() { lockFile = was })
	for lock, want := range map[string]string{
		`{"builder": {"reference": "golang:1"}}`:                         "golang:1",
		`{"builder": {"reference": "golang:1", "digest": "sha256:abc"}}`: "golang:1@sha256:abc",
	} {
		lockFile = []byte(lock)
		s, id := invocation{call: func(_ *testing.T, m *Ci) (any, error) { return m.Builder(), nil }}.made(t)
		if from := s.calls(id)[1]; from.args["address"] != want {
			t.Errorf("%s: from %v, not %s", lock, from.args["address"], want)
		}
	}
	lockFile = []byte("{")
	if _, err := New(nil, nil, "linux/amd64", "", "", "", "", "", "", "", "", "", nil, nil, nil); err == nil {
		t.Error("a broken lock file is not refused")
	}
}

// The session must not believe everything, or no test here says anything.
func TestSessionRefusesWhatTheEngineWould(t *testing.T) {
	for _, query := range []string{
		`query {container{from(address:1){id}}}`,
		`query {container{fromm(address:"a"){id}}}`,
		`query {container{import(source:"source"){id}}}`,
		`query {node(id:"source"){... on File{id}}}`,
		`query {container{withMountedDirectory(path:"/",source:"unknown"){id}}}`,
	} {
		quiet := &testing.T{}
		s := &session{t: quiet, objects: map[string]object{"source": {kind: "Directory"}}}
		if s.answer(query); !quiet.Failed() {
			t.Errorf("taken: %s", query)
		}
	}
}
