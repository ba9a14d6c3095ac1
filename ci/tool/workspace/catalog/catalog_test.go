package catalog_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestLoadReadsTheWorkspace(t *testing.T) {
	root := t.TempDir()
	testkit.Write(t, root, testkit.Files(t))
	testkit.Write(t, root, map[string]string{
		"functions/.git/x":    "hidden",
		"functions/_old/x":    "ignored, as Go ignores it",
		"functions/README.md": "a file, not a function",
	})

	c, err := catalog.Load(root)

	require.NoError(t, err)
	assert.Equal(t, root, c.Root)
	assert.Equal(t, testkit.Toolchain(), c.Toolchain)
	assert.Equal(t, []catalog.Function{
		{Folder: "functions/media-lambda", Image: "api", Variant: "light", Registry: "private", Lambda: "Api", Reason: "test", Module: "functions/media-lambda", Program: "media-lambda"},
		{Folder: "functions/enhance-lambda", Image: "enhance", Variant: "light", Registry: "public", Lambda: "Enhance", Reason: "test", Module: "functions/enhance-lambda", Program: "enhance-lambda"},
		{Folder: "functions/thumbnail-lambda", Image: "thumb", Variant: "heavy", Registry: "public", Lambda: "Thumb", Reason: "test", Module: "functions/thumbnail-lambda", Program: "thumbnail-lambda"},
	}, c.Functions)
}

func TestLoadMakesTheRootAbsolute(t *testing.T) {
	root := t.TempDir()
	testkit.Write(t, root, testkit.Files(t))
	t.Chdir(filepath.Join(root, "functions"))

	c, err := catalog.Load("..")

	require.NoError(t, err)
	want, err := filepath.EvalSymlinks(root)
	require.NoError(t, err)
	got, err := filepath.EvalSymlinks(c.Root)
	require.NoError(t, err)
	assert.True(t, filepath.IsAbs(c.Root))
	assert.Equal(t, want, got)
}

func TestLoadOfThisRepository(t *testing.T) {
	c, err := catalog.Load("../../../..")

	require.NoError(t, err)
	require.Len(t, c.Functions, 5)
	var names []string
	for _, f := range c.Functions {
		names = append(names, f.Image)
	}
	assert.Equal(t, []string{"api", "enhance", "select", "thumb", "video"}, names)
}

func TestLoadRefusesAWorkspace(t *testing.T) {
	const api, thumb = "functions/media-lambda/", "functions/thumbnail-lambda/"
	for name, c := range map[string]struct {
		change map[string]string // a file's new content; none to leave it out
		want   []string
	}{
		"without go.work": {map[string]string{"go.work": ""},
			[]string{`ci/pipeline.json: toolchain: is missing, and no go.work and no go.mod of the workspace pins one; name the Go version that builds the images, for example "toolchain": "go1.26.8"`}},
		"with a go.work that cannot be read": {map[string]string{"go.work": "go 1.26.1\nuze ./x\n"},
			[]string{"read the workspace: go.work:2: unknown directive: uze"}},
		"without a toolchain": {map[string]string{"go.work": "go 1.26.1\n\nuse ./shared\n"},
			[]string{"go.work: toolchain: is missing; name the Go version that builds the images, for example `toolchain go1.26.8`"}},
		"with the default toolchain, which can be any version": {map[string]string{"go.work": "go 1.26.1\n\ntoolchain default\n"},
			[]string{"go.work: toolchain: \"default\" is not a version; name the Go version that builds the images, for example `toolchain go1.26.8`"}},
		"with a folder that is no function": {map[string]string{"functions/new/main.go": "package main\n"}, []string{
			"functions/new/go.mod: is missing, in this folder and above it; run `go mod init` in functions/new",
			"go.work: use: does not list ./functions/new; run `go work use ./functions/new`",
			"functions/new/image.json: is missing; add one with the fields image, variant, registry, lambda, reason"}},
		"with a function without go.mod": {map[string]string{api + "go.mod": ""},
			[]string{api + "go.mod: is missing, in this folder and above it; run `go mod init` in functions/media-lambda"}},
		"with a go.mod that names no module": {map[string]string{api + "go.mod": "go 1.26.1\n"},
			[]string{api + "go.mod: module: is missing; write it in the first line, for example `module lambdas.internal/functions/media-lambda`"}},
		"with a function that go.work does not use": {map[string]string{
			"go.work": "go 1.26.1\ntoolchain go1.26.8\nuse (\n\t./functions/enhance-lambda\n\tfunctions/thumbnail-lambda/\n)\n"},
			[]string{"go.work: use: does not list ./functions/media-lambda; run `go work use ./functions/media-lambda`"}},
		"with a function without image.json": {map[string]string{api + "image.json": ""},
			[]string{api + "image.json: is missing; add one with the fields image, variant, registry, lambda, reason"}},
		"with the same image twice": {map[string]string{thumb + "image.json": description("api", "Thumb")},
			[]string{thumb + `image.json: image: "api" is already the image of functions/media-lambda`}},
		"with the same Lambda twice": {map[string]string{thumb + "image.json": description("thumb", "Api")},
			[]string{thumb + `image.json: lambda: "Api" is already the function of functions/media-lambda`}},
		"with several problems": {map[string]string{
			"functions/enhance-lambda/image.json": `{"image": "enhance", "variant": "lihgt", "registry": "public", "lambda": "E", "reason": "r"}`,
			api + "go.mod":                        "",
			thumb + "image.json":                  "{\n",
		}, []string{
			`functions/enhance-lambda/image.json: variant: "lihgt" is not light or heavy (did you mean "light"?)`,
			api + "go.mod: is missing, in this folder and above it; run `go mod init` in functions/media-lambda",
			thumb + "image.json: line 1: not valid JSON: unexpected end of JSON input"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			files := testkit.Files(t)
			for file, content := range c.change {
				files[file] = content
				if content == "" {
					delete(files, file)
				}
			}
			testkit.Write(t, root, files)

			_, err := catalog.Load(root)

			require.Error(t, err)
			assert.Equal(t, c.want, strings.Split(err.Error(), "\n"))
		})
	}
}

func TestLoadWithoutAFunction(t *testing.T) {
	root := t.TempDir()
	testkit.Write(t, root, map[string]string{"go.work": "go 1.26.1\ntoolchain go1.26.8\n"})

	_, err := catalog.Load(root)
	require.EqualError(t, err, "functions/: has no function; add a folder with main.go, go.mod and image.json", "without the folder")

	require.NoError(t, os.MkdirAll(filepath.Join(root, "functions", ".hidden"), 0o755))
	_, err = catalog.Load(root)
	require.EqualError(t, err, "functions/: has no function; add a folder with main.go, go.mod and image.json", "with an empty folder")
}

func TestLoadAcceptsSimilarImageNames(t *testing.T) {
	c := testkit.Workspace(t, map[string]string{"functions/thumbnail-lambda/image.json": description("apis", "Thumb")})

	assert.Len(t, c.Functions, 3)
}

func TestLoadAcceptsALaterMajorVersionOfAModule(t *testing.T) {
	c := testkit.Workspace(t, map[string]string{"functions/media-lambda/go.mod": testkit.GoMod("example.org/media-lambda/v2")})

	assert.Len(t, c.Functions, 3)
}

func TestSelect(t *testing.T) {
	c := testkit.Workspace(t, nil)
	for name, tc := range map[string]struct {
		images []string
		want   []string
		err    string
	}{
		"none selects all":                   {nil, []string{"api", "enhance", "thumb"}, ""},
		"one":                                {[]string{"enhance"}, []string{"enhance"}, ""},
		"two, in the order of the catalog":   {[]string{"thumb", "api"}, []string{"api", "thumb"}, ""},
		"twice the same":                     {[]string{"api", "api"}, []string{"api"}, ""},
		"an unknown name, with a suggestion": {[]string{"api", "tumb"}, nil, `no image is named "tumb" (did you mean "thumb"?); the images are api, enhance, thumb`},
		"an unknown name, no hint":           {[]string{"orchestrate"}, nil, `no image is named "orchestrate"; the images are api, enhance, thumb`},
		"an empty name":                      {[]string{""}, nil, `no image is named ""; the images are api, enhance, thumb`},
	} {
		t.Run(name, func(t *testing.T) {
			selected, err := c.Select(tc.images)

			if tc.err != "" {
				require.EqualError(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			var got []string
			for _, f := range selected {
				got = append(got, f.Image)
			}
			assert.Equal(t, tc.want, got)
		})
	}
}

func TestSelectReturnsACopy(t *testing.T) {
	c := testkit.Workspace(t, nil)
	all, err := c.Select(nil)
	require.NoError(t, err)

	all[0].Image = "changed"

	assert.Equal(t, "api", c.Functions[0].Image)
}

func description(image, lambda string) string {
	return `{"image": "` + image + `", "variant": "light", "registry": "private", "lambda": "` + lambda + `", "reason": "r"}`
}
