package gobuild_test

import (
	"context"
	"debug/elf"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

const api, enhance, thumb = "functions/media-lambda", "functions/enhance-lambda", "functions/thumbnail-lambda"

// compile compiles all functions, which must succeed, and returns the binaries
// by image.
func compile(t *testing.T, c *catalog.Catalog, dir string) map[string]gobuild.Binary {
	t.Helper()
	results, err := gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, dir)
	require.NoError(t, err)
	made := map[string]gobuild.Binary{}
	for i, r := range results {
		require.NoError(t, r.Err)
		made[c.Functions[i].Image] = r.Binary
	}
	return made
}

func fresh(made map[string]gobuild.Binary) []string {
	var names []string
	for _, image := range []string{"api", "enhance", "thumb"} {
		if b, ok := made[image]; ok && !b.Reused {
			names = append(names, image)
		}
	}
	return names
}

func TestCompile(t *testing.T) {
	c, dir := testkit.Workspace(t, nil), filepath.Join(t.TempDir(), "binaries")

	made := compile(t, c, dir)

	assert.Equal(t, []string{"api", "enhance", "thumb"}, fresh(made))
	for image, b := range made {
		data, err := os.ReadFile(b.Path)
		require.NoError(t, err)
		assert.Equal(t, testkit.Digest(string(data)).Hex, b.Digest, image)
		assert.EqualValues(t, len(data), b.Size, image)
		assert.NotContains(t, string(data), c.Root, "no path of this machine is in it")
		f, err := elf.Open(b.Path)
		require.NoError(t, err)
		assert.Equal(t, elf.EM_X86_64, f.Machine)
		assert.Nil(t, f.Section(".interp"), "it is static")
		assert.Nil(t, f.Section(".debug_info"), "it is stripped")
		require.NoError(t, f.Close())
	}
	assert.Equal(t, filepath.Join(dir, "media-lambda"), made["api"].Path)
	testkit.NoLeftovers(t, dir)
}

// A change is a file's new content; the functions that it concerns are compiled again.
func TestCompileReusesWhatIsCurrent(t *testing.T) {
	const other = "package main\n\nfunc main() { println(\"another\") }\n"
	const greeting = "// Package greet greets.\npackage greet\n\n// Word is a greeting.\nconst Word = \"good morning\"\n"
	c, dir := testkit.Workspace(t, map[string]string{
		"go.work":      "go 1.26.1\n\ntoolchain " + testkit.Toolchain() + "\n\nuse (\n\t./" + api + "\n\t./" + enhance + "\n\t./" + thumb + "\n\t./shared\n\t./other\n)\n",
		"other/go.mod": testkit.GoMod("lambdas.internal/other")}), t.TempDir()
	files := testkit.Files(t)
	first := compile(t, c, dir)
	all := []string{"api", "enhance", "thumb"}
	for _, step := range []struct {
		name    string
		change  func()
		want    []string
		changed []string // whose digest is another than at first
	}{
		{"nothing", func() {}, nil, nil},
		{"an edit of one function", edit(t, c, api+"/main.go", other), []string{"api"}, []string{"api"}},
		{"its revert", edit(t, c, api+"/main.go", files[api+"/main.go"]), []string{"api"}, nil},
		{"an edit of a shared module", edit(t, c, "shared/greet/a.go", greeting), []string{"enhance", "thumb"}, []string{"enhance", "thumb"}},
		{"its revert", edit(t, c, "shared/greet/a.go", files["shared/greet/a.go"]), []string{"enhance", "thumb"}, nil},
		{"an edit of a test", edit(t, c, api+"/main_test.go", "package main\n"), nil, nil},
		{"a comment", edit(t, c, api+"/main.go", files[api+"/main.go"]+"\n// End.\n"), []string{"api"}, []string{"api"}},
		{"its revert", edit(t, c, api+"/main.go", files[api+"/main.go"]), []string{"api"}, nil},
		{"a new file that is not embedded", edit(t, c, api+"/data/x.txt", "x"), nil, nil},
		{"a new source for another system", edit(t, c, api+"/x_windows.go", "package main\n"), nil, nil},
		{"a comment in a go.mod", edit(t, c, thumb+"/go.mod", files[thumb+"/go.mod"]+"\n// End.\n"), nil, nil},
		{"another version of the language", edit(t, c, thumb+"/go.mod", strings.Replace(files[thumb+"/go.mod"], "1.26.1", "1.26.0", 1)), []string{"thumb"}, []string{"thumb"}},
		{"its revert", edit(t, c, thumb+"/go.mod", files[thumb+"/go.mod"]), []string{"thumb"}, nil},
		{"the go.mod of a module that none imports", edit(t, c, "other/go.mod", testkit.GoMod("lambdas.internal/other", "// End.")), nil, nil},
		{"an output that was overwritten", edit(t, c, first["api"].Path, "not a program"), []string{"api"}, nil},
		{"an output with other content and a valid build ID", func() {
			data, err := os.ReadFile(first["api"].Path)
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(first["api"].Path, append(data, "more"...), 0o755))
		}, []string{"api"}, nil},
		{"an output with another time", func() { require.NoError(t, os.Chtimes(first["api"].Path, time.Now(), time.Unix(1, 0))) }, []string{"api"}, nil},
		{"an output that was removed", func() { require.NoError(t, os.Remove(first["thumb"].Path)) }, []string{"thumb"}, nil},
		{"a note that was removed", func() { require.NoError(t, os.Remove(first["thumb"].Path+".json")) }, []string{"thumb"}, nil},
		{"a note that is cut off", edit(t, c, first["thumb"].Path+".json", "{"), []string{"thumb"}, nil},
		{"nothing again", func() {}, nil, nil},
	} {
		step.change()

		made := compile(t, c, dir)

		assert.Equal(t, step.want, fresh(made), step.name)
		var changed []string
		for _, image := range all {
			if made[image].Digest != first[image].Digest {
				changed = append(changed, image)
			}
		}
		assert.Equal(t, step.changed, changed, step.name)
	}
}

// edit returns a function that writes a file, absolute or of the workspace.
func edit(t *testing.T, c *catalog.Catalog, name, content string) func() {
	return func() {
		t.Helper()
		if !filepath.IsAbs(name) {
			name = filepath.Join(c.Root, name)
		}
		require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
		require.NoError(t, os.WriteFile(name, []byte(content), 0o755))
	}
}

func TestCompileDependsOnTheSourcesOnly(t *testing.T) {
	first, dir := testkit.Workspace(t, nil), t.TempDir()
	want := compile(t, first, dir)
	for name, settings := range map[string]map[string]string{
		"in another folder":   nil,
		"with go flags":       {"GOFLAGS": "-gcflags=-N -tags=other"},
		"for another system":  {"GOOS": "windows", "GOARCH": "arm64", "GOAMD64": "v3"},
		"outside a workspace": {"GOWORK": "off", "GO111MODULE": "off"},
		"with cgo":            {"CGO_ENABLED": "1", "GO_EXTLINK_ENABLED": "1"},
		"with settings that go env -w made": {"GOENV": filepath.Join(dir, "env"),
			"GOFLAGS": "", "GOEXPERIMENT": "", "GO111MODULE": ""},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Write(t, dir, map[string]string{"env": "GOFLAGS=-gcflags=-N -tags=other\nGOEXPERIMENT=nosuchexperiment\nGO111MODULE=off\n"})
			for key, value := range settings {
				t.Setenv(key, value)
			}
			c := testkit.Workspace(t, map[string]string{api + "/other.go": "//go:build other\n\npackage main\n\nfunc init() { println(1) }\n"})

			got := compile(t, c, t.TempDir())

			for image := range want {
				assert.Equal(t, want[image].Digest, got[image].Digest, image)
			}
		})
	}
}

func TestCompileForAnotherPlatform(t *testing.T) {
	c, dir := testkit.Workspace(t, nil), t.TempDir()
	for _, platform := range []v1.Platform{testkit.AMD64, testkit.ARM64} {
		results, err := gobuild.Compile(t.Context(), c, c.Functions[:1], platform, dir)

		require.NoError(t, err)
		require.NoError(t, results[0].Err)
		assert.False(t, results[0].Binary.Reused)
		f, err := elf.Open(results[0].Binary.Path)
		require.NoError(t, err)
		assert.Equal(t, map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[platform.Architecture], f.Machine)
		require.NoError(t, f.Close())
	}
}

func TestCompileThatIsCancelled(t *testing.T) {
	c, dir := testkit.Workspace(t, nil), t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := gobuild.Compile(ctx, c, c.Functions, testkit.AMD64, dir)

	require.ErrorIs(t, err, context.Canceled)
	assert.Empty(t, testkit.Tree(t, dir))
}

func TestOpenAndCopy(t *testing.T) {
	c, dir := testkit.Workspace(t, nil), t.TempDir()
	made := compile(t, c, filepath.Join(dir, "from"))
	f := c.Functions[0]

	require.NoError(t, gobuild.Copy(made["api"], filepath.Join(dir, "to"), f))
	for _, change := range []func(){
		func() {},
		func() { require.NoError(t, os.Remove(filepath.Join(dir, "to", "media-lambda.json"))) },
	} {
		change()
		got, err := gobuild.Open(filepath.Join(dir, "to"), f)
		require.NoError(t, err)
		assert.Equal(t, made["api"].Digest, got.Digest)
		assert.Equal(t, made["api"].Size, got.Size)
		assert.Equal(t, filepath.Join(dir, "to", "media-lambda"), got.Path)
	}
	_, err := gobuild.Open(dir, f)
	require.ErrorIs(t, err, os.ErrNotExist)
	assert.True(t, strings.HasPrefix(err.Error(), "read the binary of api: "), err.Error())
	testkit.NoLeftovers(t, dir)
}

func TestCompileIntoAFolderThatCannotBeMade(t *testing.T) {
	c, dir := testkit.Workspace(t, nil), t.TempDir()
	testkit.Write(t, dir, map[string]string{"file": ""})

	_, err := gobuild.Compile(t.Context(), c, c.Functions, testkit.AMD64, filepath.Join(dir, "file"))

	require.EqualError(t, err, "compile: mkdir "+filepath.Join(dir, "file")+": not a directory")
}
