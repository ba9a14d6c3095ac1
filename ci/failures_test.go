package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/gqlerror"

	"lambdas.internal/ci/internal/dagger"
)

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
		{"the engine's if it said nothing", failed("killed\n"), "exit code: 1"},
		{"the engine's if it did not run", &gqlerror.Error{Message: "no disk"}, "no disk"},
		{"the engine's, and what to do, if the builder is gone", &gqlerror.Error{Message: "failed to resolve image \"golang:1\""},
			"failed to resolve image \"golang:1\"; if its registry no longer has it: bin/ci lock, then commit ci/images.lock.json"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, i := range invocations {
				switch i.method {
				case "Builder", "Test", "Lint", "Tidy":
					continue // these do not run the program
				}
				s := open(t, inputs)
				s.fail = tc.answer
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
	_, err := module(t, options{staticBase: true}).Invoke(t.Context(), source(t), "api", nil, nil, "", false, "", false)
	if err == nil || !strings.Contains(err.Error(), "bin/ci invoke --name api") {
		t.Error(err)
	}
}

// The functions are compiled in the image that their own lock file names; without one, in that of the module.
func TestBuilderIsTheLockedOne(t *testing.T) {
	was := lockFile
	t.Cleanup(func() { lockFile = was })
	for lock, want := range map[string]string{
		`{"builder": {"reference": "golang:1"}}`:                                                                                    "golang:1",
		`{"builder": {"reference": "golang:1", "digest": "sha256:abc"}}`:                                                            "golang:1@sha256:abc",
		`{"builder": {"reference": "docker.io/a/go:1", "digest": "sha256:abc"}, "mirrors": {"docker.io": "127.0.0.1:5000/hub"}}`:    "127.0.0.1:5000/hub/a/go:1@sha256:abc",
		`{"builder": {"reference": "docker.io/a/go:1", "digest": "sha256:abc"}, "mirrors": {"public.ecr.aws": "127.0.0.1:5000/x"}}`: "docker.io/a/go:1@sha256:abc",
	} {
		for whose, files := range map[string]struct{ sources, modules string }{"the source's": {lock, sourcesLock}, "the module's": {"", lock}} {
			s := open(t, inputs)
			s.lock, lockFile = files.sources, []byte(files.modules)
			builder, err := module(t, options{}).Builder(t.Context(), source(t))
			if err != nil {
				t.Fatal(err)
			}
			id, err := builder.ID(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if from := s.calls(string(id))[1]; from.args["address"] != want {
				t.Errorf("%s %s: from %v, not %s", whose, lock, from.args["address"], want)
			}
		}
	}
	s := open(t, inputs)
	s.lock = "{"
	if _, err := module(t, options{}).Builder(t.Context(), source(t)); err == nil {
		t.Error("a broken lock file of a source is accepted")
	}
	lockFile = []byte("{")
	if _, err := New(t.Context(), nil, "", nil, false, nil, nil, "", "", "", "", "", "", "", nil, nil, nil); err == nil {
		t.Error("a broken lock file is accepted")
	}
}

// Each function is built for its own architecture; a step that is for one asks which.
func TestEachFunctionHasItsArchitecture(t *testing.T) {
	s := open(t, inputs)
	s.listed = `[{"image": "api", "variant": "light"}, {"image": "scan", "variant": "light", "architecture": "arm64"}, {"image": "thumb", "variant": "heavy", "architecture": "arm64"}]`
	m := module(t, options{})
	if _, err := m.BuildAll(t.Context(), source(t), nil, false); err != nil {
		t.Fatal(err)
	}
	var made []string
	execs(s, func(_ []call, args []any) {
		if args[0] == "ci" {
			made = append(made, strings.TrimSpace(fmt.Sprintln(args...)))
		}
	})
	for _, want := range []string{"base --no-fallback --out /base --platform linux/amd64", "base --no-fallback --out /base --platform linux/arm64", "ffmpeg-layer --out /ffmpeg.tar.gz --platform linux/arm64",
		"images --out /cache/images --base-layout amd64=/base/amd64 --base-layout arm64=/base/arm64 --ffmpeg-layer arm64=/ffmpeg/arm64.tar.gz"} {
		if !slices.Contains(made, "ci "+want) {
			t.Errorf("no step runs ci %s: %v", want, made)
		}
	}
	if len(made) != 5 { // and list
		t.Errorf("%v", made)
	}
	if _, err := m.Base(t.Context(), source(t)); err == nil || err.Error() != "there are functions for linux/amd64 and for linux/arm64; pass --platform" {
		t.Error(err)
	}
	if _, err := m.Image(t.Context(), source(t), "scan"); err != nil {
		t.Error(err)
	}
	if some, err := m.functions(t.Context(), source(t), []string{"thumb"}); err != nil || len(some) != 1 {
		t.Error(some, err)
	}
	if all, err := m.functions(t.Context(), source(t), []string{"thumb", "nosuch"}); err != nil || len(all) != 3 {
		t.Error("the program cannot say which name is wrong:", all, err)
	}
}

func TestAnImageIsEitherGivenOrStatic(t *testing.T) {
	open(t, inputs)
	given := given[dagger.Container](t, "base")
	if _, err := New(t.Context(), nil, "", given, true, nil, nil, "", "", "", "", "", "", "", nil, nil, nil); err == nil || err.Error() != "--base and --static-base exclude each other" {
		t.Error(err)
	}
}

// If the session accepted everything, no test here would prove anything.
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
			t.Errorf("accepted: %s", query)
		}
	}
}

func TestPublishIsToldOfTheRunAndNothingElse(t *testing.T) {
	for name, given := range map[string]string{"another variable": "AWS_REGION=x", "no variable": "GITHUB_RUN_ID"} {
		t.Run(name, func(t *testing.T) {
			open(t, inputs)
			_, err := module(t, options{}).Publish(t.Context(), source(t), nil, "abc1234", nil, false, false, false, false, false, "", nil, []string{given}, false, nil, false)
			if err == nil || !strings.Contains(err.Error(), "is not a variable of GitHub Actions or CodeBuild") {
				t.Error(err)
			}
		})
	}
}
