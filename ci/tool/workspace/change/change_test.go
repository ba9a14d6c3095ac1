package change_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/change"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

var (
	api   = catalog.Function{Folder: "functions/api", Image: "api", Variant: catalog.Light}
	thumb = catalog.Function{Folder: "functions/thumb", Image: "thumb", Variant: catalog.Heavy}
)

// workspace has api, which uses shared/greet and a module, and thumb, which stands
// alone and embeds a picture.
var workspace = change.Since{
	Root: "/w",
	Packages: []gobuild.Package{
		{ImportPath: "w/api", Dir: "/w/functions/api", GoFiles: []string{"main.go"}, Imports: []string{"w/shared/greet", "fmt"}},
		{ImportPath: "w/thumb", Dir: "/w/functions/thumb", GoFiles: []string{"main.go"}, EmbedFiles: []string{"pictures/a.png"}, Imports: []string{"fmt"}},
		{ImportPath: "w/shared/greet", Dir: "/w/shared/greet", GoFiles: []string{"greet.go"}, Imports: []string{"example.org/words/v2/deep"}},
		{ImportPath: "example.org/words/v2/deep", Dir: "/mod/words", GoFiles: []string{"deep.go"}},
		{ImportPath: "fmt", Dir: "/go/src/fmt", Standard: true},
	},
}

const mod = "module w/api\n\nrequire example.org/words/v2 "

// files are those of a workspace, as far as they hold versions.
func files(words, toolchain, base string) func(string) ([]byte, error) {
	content := map[string]string{
		"go.work":              "go 1.26.1\n\ntoolchain " + toolchain + "\n\nuse (\n\t./functions/api\n\t./functions/gone\n)\n",
		"functions/api/go.mod": mod + words + "\n",
		"ci/images.lock.json":  `{"base": {"reference": "base:1", "digest": "` + base + `"}, "ffmpeg": {"reference": "ffmpeg:` + base + `"}}`,
	}
	return func(name string) ([]byte, error) { return []byte(content[name]), nil }
}

func versions(t *testing.T, words, toolchain, base string) change.Versions {
	v, err := change.ReadVersions(files(words, toolchain, base))
	require.NoError(t, err)
	return v
}

func TestWhy(t *testing.T) {
	same := versions(t, "v2.1.0", "go1.26.8", "b")
	for name, c := range map[string]struct {
		files      []string
		after      change.Versions
		api, thumb string
	}{
		"nothing":                           {nil, same, "", ""},
		"a file of its own":                 {[]string{"functions/api/main.go"}, same, "functions/api/main.go", ""},
		"a file of a package that it uses":  {[]string{"shared/greet/greet.go"}, same, "shared/greet/greet.go", ""},
		"a test":                            {[]string{"shared/greet/greet_test.go", "functions/thumb/main_test.go"}, same, "", ""},
		"a document":                        {[]string{"README.md", "functions/thumb/README.md"}, same, "", ""},
		"an embedded file":                  {[]string{"functions/thumb/pictures/a.png"}, same, "", "functions/thumb/pictures/a.png"},
		"an embedded file that was removed": {[]string{"functions/thumb/pictures/b.png"}, same, "", "functions/thumb/pictures/b.png"},
		"a source that was removed":         {[]string{"shared/greet/old.go"}, same, "shared/greet/old.go", ""},
		"its description":                   {[]string{"functions/thumb/image.json"}, same, "", "functions/thumb/image.json"},
		"a module": {[]string{"functions/api/go.mod"}, versions(t, "v2.2.0", "go1.26.8", "b"),
			"example.org/words/v2 v2.1.0 -> v2.2.0", ""},
		"the toolchain": {[]string{"go.work"}, versions(t, "v2.1.0", "go1.26.9", "b"),
			"toolchain go1.26.8 -> go1.26.9", "toolchain go1.26.8 -> go1.26.9"},
		"what images start from": {nil, versions(t, "v2.1.0", "go1.26.8", "c"),
			"base base:1@b -> base:1@c", "base base:1@b -> base:1@c, ffmpeg ffmpeg:b -> ffmpeg:c"},
		"many": {[]string{"functions/api/main.go", "functions/api/a.go", "functions/api/b.go", "functions/api/c.go", "functions/api/c.go"}, same,
			"functions/api/a.go, functions/api/b.go, functions/api/c.go, 1 more", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := workspace
			s.Files, s.Before, s.After = c.files, same, c.after

			assert.Equal(t, c.api, s.Of(api).String())
			assert.Equal(t, c.thumb, s.Of(thumb).String())
			assert.Equal(t, c.api == "", s.Of(api).None())
		})
	}
}

func TestVersionsThatCannotBeRead(t *testing.T) {
	_, err := change.ReadVersions(func(name string) ([]byte, error) {
		if name == "go.work" {
			return []byte("go 1.26.1\n\nuse ./a\n"), nil
		}
		return []byte("module ("), nil
	})

	require.ErrorContains(t, err, "read the versions: a/go.mod:1")
}

// Without go.work, the modules are those of the functions, and ci/pipeline.json may pin Go.
func TestVersionsWithoutGoWork(t *testing.T) {
	content := map[string]string{
		"a/go.mod": "module a\n\nrequire example.org/words v1.2.0\n", "b/go.mod": "module b\n\nrequire example.org/words v1.3.0\n",
		"ci/pipeline.json": `{"toolchain": "go1.26.8"}`,
	}
	read := func(name string) ([]byte, error) { return []byte(content[name]), nil }
	v, err := change.ReadVersions(read, "a", "b")
	require.NoError(t, err)
	assert.Equal(t, change.Versions{Toolchain: "go1.26.8", Modules: map[string]string{"example.org/words": "v1.3.0"}}, v)

	content["go.mod"] = "module x\n\ntoolchain go1.26.7\n"
	v, err = change.ReadVersions(read, "a")
	require.NoError(t, err)
	assert.Equal(t, "go1.26.7", v.Toolchain)

	mailer := api
	mailer.Files = []string{"templates", "/shared/words.txt"}
	s := workspace
	s.Files = []string{"functions/api/templates/a.txt", "shared/words.txt", "shared/words.txt.bak", "functions/thumb/templates/a.txt"}
	assert.Equal(t, "functions/api/templates/a.txt, shared/words.txt", s.Of(mailer).String())
}
