package main

import (
	"cmp"
	"encoding/json"
	"testing"

	"lambdas.internal/ci/internal/dagger"
)

// inputs are the arguments that the engine passes to the functions, with their types.
var inputs = map[string]string{"source": "Directory", "tool": "Directory", "repository": "Directory", "git": "Directory", "db": "Directory", "osv": "Directory", "event": "File", "cosign.pub": "File", "root": "File", "vulnerable": "File", "verified": "File", "base": "Container", "ffmpeg": "Container", "builder": "Container",
	"key": "Secret", "gemini": "Secret", "secret": "Secret", "token": "Secret"}

// given returns an input as a function's parameter.
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

// source returns the workspace that the functions build.
func source(t *testing.T) *dagger.Directory { return given[dagger.Directory](t, "source") }

// options are the constructor's arguments that tests vary.
type options struct {
	platform, volumes, region         string
	base, ffmpeg, builder, staticBase bool // whether they are given
}

// module returns the module as the engine has it after New.
func module(t *testing.T, o options) *Ci {
	t.Helper()
	image := func(id string, isGiven bool) *dagger.Container {
		if !isGiven {
			return nil
		}
		return given[dagger.Container](t, id)
	}
	m, err := New(t.Context(), given[dagger.Directory](t, "tool"), o.platform,
		image("base", o.base), o.staticBase, image("ffmpeg", o.ffmpeg), image("builder", o.builder), cmp.Or(o.volumes, "lambdas"), cmp.Or(o.region, "us-east-1"), "", "", "private.example/x", "", "",
		given[dagger.Secret](t, "key"), given[dagger.Secret](t, "secret"), given[dagger.Secret](t, "token"))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// invocation is one call of a function. Its golden file has the same name.
type invocation struct {
	name   string
	method string
	options
	call func(t *testing.T, m *Ci) (any, error)
}

var invocations = []invocation{
	{name: "list", method: "List", call: func(t *testing.T, m *Ci) (any, error) { return m.List(t.Context(), source(t), false) }},
	{name: "builder", method: "Builder", call: func(t *testing.T, m *Ci) (any, error) { return m.Builder(t.Context(), source(t)) }},
	{name: "builder-given", method: "Builder", options: options{builder: true},
		call: func(t *testing.T, m *Ci) (any, error) { return m.Builder(t.Context(), source(t)) }},
	{name: "binaries", method: "Binaries", call: func(t *testing.T, m *Ci) (any, error) { return m.Binaries(t.Context(), source(t), nil) }},
	{name: "binaries-only", method: "Binaries",
		call: func(t *testing.T, m *Ci) (any, error) {
			return m.Binaries(t.Context(), source(t), []string{"api", "thumb"})
		}},
	{name: "base", method: "Base", call: func(t *testing.T, m *Ci) (any, error) { return m.Base(t.Context(), source(t)) }},
	{name: "base-given", method: "Base", options: options{base: true},
		call: func(t *testing.T, m *Ci) (any, error) { return m.Base(t.Context(), source(t)) }},
	{name: "ffmpeg-layer", method: "FfmpegLayer", call: func(t *testing.T, m *Ci) (any, error) { return m.FfmpegLayer(t.Context(), source(t)) }},
	{name: "ffmpeg-layer-given", method: "FfmpegLayer", options: options{ffmpeg: true},
		call: func(t *testing.T, m *Ci) (any, error) { return m.FfmpegLayer(t.Context(), source(t)) }},
	{name: "build-all-static", method: "BuildAll", options: options{staticBase: true}, call: func(t *testing.T, m *Ci) (any, error) {
		return m.BuildAll(t.Context(), source(t), []string{"api"}, false)
	}},
	{name: "images", method: "Images", call: func(t *testing.T, m *Ci) (any, error) { return m.Images(t.Context(), source(t), nil) }},
	{name: "build-all", method: "BuildAll", call: func(t *testing.T, m *Ci) (any, error) { return m.BuildAll(t.Context(), source(t), nil, false) }},
	{name: "build-all-arm64", method: "BuildAll", options: options{platform: "linux/arm64"},
		call: func(t *testing.T, m *Ci) (any, error) {
			return m.BuildAll(t.Context(), source(t), []string{"thumb"}, true)
		}},
	{name: "image", method: "Image", options: options{platform: "linux/arm64"},
		call: func(t *testing.T, m *Ci) (any, error) { return m.Image(t.Context(), source(t), "api") }},
	{name: "invoke", method: "Invoke", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Invoke(t.Context(), source(t), "api", nil, nil, "", false, "", false)
	}},
	{name: "invoke-event", method: "Invoke",
		call: func(t *testing.T, m *Ci) (any, error) {
			return m.Invoke(t.Context(), source(t), "thumb", given[dagger.File](t, "event"), []string{"MEDIA_BUCKET_NAME=media"}, "10s", false, "", true)
		}},
	{name: "invoke-remote", method: "Invoke", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Invoke(t.Context(), source(t), "api", nil, nil, "", true, "live", false)
	}},
	{name: "up", method: "Up", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Up(t.Context(), source(t), []string{"LOG_LEVEL=debug"}, given[dagger.Secret](t, "gemini"))
	}},
	{name: "audit", method: "Audit", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Audit(t.Context(), source(t), []string{"enhance"}, false)
	}},
	{name: "cost", method: "Cost", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Cost(t.Context(), source(t), nil, 0, false, true, false)
	}},
	{name: "cost-published", method: "Cost", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Cost(t.Context(), source(t), []string{"api"}, 3, true, false, true)
	}},
	{name: "cost-picture", method: "CostPicture", call: func(t *testing.T, m *Ci) (any, error) { return m.CostPicture(t.Context(), source(t)) }},
	{name: "coldstart", method: "Coldstart", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Coldstart(t.Context(), source(t), "", "", 0, nil, false, false)
	}},
	{name: "coldstart-since", method: "Coldstart", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Coldstart(t.Context(), source(t), "api", "latest", 3, []string{"A=b"}, true, false)
	}},
	{name: "diff", method: "Diff", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Diff(t.Context(), source(t), "latest", []string{"api"}, 20, true, false)
	}},
	{name: "sbom", method: "Sbom", call: func(t *testing.T, m *Ci) (any, error) { return m.Sbom(t.Context(), source(t), "thumb", "", true) }},
	{name: "sbom-published", method: "Sbom", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Sbom(t.Context(), source(t), "thumb", "abc1234", false)
	}},
	{name: "verify", method: "Verify", options: options{base: true, ffmpeg: true},
		call: func(t *testing.T, m *Ci) (any, error) {
			return m.Verify(t.Context(), given[dagger.Directory](t, "repository"), "abc1234", []string{"api"}, nil, nil, "", "", "", nil, false)
		}},
	{name: "verify-signed", method: "Verify", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Verify(t.Context(), given[dagger.Directory](t, "repository"), "abc1234", nil, nil, nil, "", "^https://github.com/o/r/", "https://issuer.example", given[dagger.File](t, "root"), true)
	}},
	{name: "vulncheck", method: "Vulncheck", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Vulncheck(t.Context(), source(t), nil, nil, nil, false, false)
	}},
	{name: "vulncheck-folders", method: "Vulncheck", options: options{base: true, ffmpeg: true}, call: func(t *testing.T, m *Ci) (any, error) {
		return m.Vulncheck(t.Context(), source(t), []string{"api"}, given[dagger.Directory](t, "db"), given[dagger.Directory](t, "osv"), true, true)
	}},
	{name: "provenance", method: "Provenance", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Provenance(t.Context(), source(t), "thumb", "abc1234", true, false)
	}},
	{name: "retention", method: "Retention", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Retention(t.Context(), source(t), true, []string{"former"}, false)
	}},
	{name: "publish", method: "Publish", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Publish(t.Context(), source(t), given[dagger.Directory](t, "repository"), "abc1234", nil, false, false, false, false, false, "", nil, nil, false, nil, false)
	}},
	{name: "publish-flags", method: "Publish", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Publish(t.Context(), source(t), given[dagger.Directory](t, "repository"), "abc1234", []string{"api"}, true, true, true, true, true, "10m", given[dagger.Secret](t, "key"),
			[]string{"GITHUB_REPOSITORY=o/r", "GITHUB_RUN_ID=1"}, true, nil, true)
	}},
	{name: "publish-regions", method: "Publish", options: options{region: "eu-central-1,us-east-1"}, call: func(t *testing.T, m *Ci) (any, error) {
		return m.Publish(t.Context(), source(t), given[dagger.Directory](t, "repository"), "abc1234", nil, false, false, false, false, false, "", nil, nil, false, nil, false)
	}},
	{name: "plan", method: "Plan", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Plan(t.Context(), source(t), given[dagger.Directory](t, "repository"), "abc1234", nil, "", false, nil, false, false)
	}},
	{name: "deploy", method: "Deploy", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Deploy(t.Context(), source(t), "abc1234", []string{"api"}, "live", "10%", "10m", "pager", true, true, "arn:aws:iam::123456789012:role/lambda", true, true, true, given[dagger.File](t, "cosign.pub"), "", "", "", nil, true, false)
	}},
	{name: "published", method: "Published", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Published(t.Context(), source(t), "abc1234", []string{"api"}, "tfvars")
	}},
	{name: "report", method: "Report", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Report(t.Context(), given[dagger.Directory](t, "repository"), "abc1234", "def5678", given[dagger.File](t, "vulnerable"), given[dagger.File](t, "verified"), nil)
	}},
	{name: "rollback", method: "Rollback", call: func(t *testing.T, m *Ci) (any, error) {
		return m.Rollback(t.Context(), source(t), "", "", false, false, false)
	}},
	{name: "status", method: "Status", call: func(t *testing.T, m *Ci) (any, error) { return m.Status(t.Context(), source(t), false) }},
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

// made returns what the session received for an invocation.
func (i invocation) made(t *testing.T) *session {
	t.Helper()
	s := open(t, inputs)
	result, err := i.call(t, module(t, i.options))
	if err != nil {
		t.Fatal(err)
	}
	// The generated code does the same: it asks objects for their IDs.
	dagger.SetMarshalContext(t.Context())
	if _, err := json.Marshal(result); err != nil {
		t.Fatal(err)
	}
	return s
}
