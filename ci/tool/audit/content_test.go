package audit

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const prompt = "You are the curator of one family's photographs. Prefer faces over sights, laughter over poses, and never two of one moment."

// privateFiles writes files into a workspace and returns its root.
func privateFiles(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	}
	return root
}

func TestContent(t *testing.T) {
	root := privateFiles(t, map[string]string{
		"shared/go.mod":                  "module example.internal/shared\n",
		"shared/proprietary/p/p.go":      "package p\n\nconst Prompt = `" + prompt + "`\n",
		"functions/hidden/go.mod":        "module example.internal/hidden\n\nrequire github.com/aws/aws-lambda-go v1.47.0 // the library of every function\n",
		"functions/hidden/handler.go":    "package main\n\nconst answer = \"the trip has no picture that anyone would miss\"\n",
		"functions/hidden/recipe/r.go":   "package recipe\n",
		"functions/hidden/testdata/e.md": "An event as nobody else sends it, with all of its fields",
	})
	private := Private{[]string{proprietary}, []string{"functions/hidden"}}
	p, err := ReadPrivate(root, private, Exceptions{})
	require.NoError(t, err)
	secret := public
	secret.Registry = catalog.Private
	none := map[string][]string{"main.go": nil}
	for name, test := range map[string]struct {
		function catalog.Function
		program  string
		sources  map[string][]string
		finding  string
	}{
		"nothing of it":                         {public, "hello", none, ""},
		"what is proprietary":                   {public, prompt, none, "the binary contains text of shared/proprietary/p/p.go, line 3"},
		"a text of a private function":          {public, "The trip has no picture that anyone would miss!", none, "the binary contains text of functions/hidden/handler.go, line 3"},
		"a file of its tests":                   {public, "an event as nobody else sends it", none, "the binary contains text of functions/hidden/testdata/e.md, line 1"},
		"a package of it":                       {public, "example.internal/hidden/recipe.Mix", none, "the binary contains the package example.internal/hidden/recipe of functions/hidden/recipe"},
		"what it requires is public":            {public, "github.com/aws/aws-lambda-go v1.47.0 // the library of every function", none, ""},
		"a source that is like a private one":   {public, "hello", map[string][]string{"a.go": {"a.go is a copy"}}, "a.go is a copy"},
		"a private function may contain it":     {secret, prompt, nil, ""},
		"an empty program":                      {public, "", none, "nothing was examined"},
		"a program without any known source":    {public, "hello", nil, "nothing was examined"},
		"a text in another case, in two pieces": {public, prompt[:30] + "   " + prompt[30:], none, "the binary contains text of shared/proprietary/p/p.go"},
	} {
		t.Run(name, func(t *testing.T) {
			c := CheckContent(test.function, []byte(test.program), test.sources, p, private)
			if test.finding == "" {
				assert.True(t, c.Passed)
				assert.Empty(t, c.Findings)
				return
			}
			assert.False(t, c.Passed)
			assert.Contains(t, c.Findings[0], test.finding)
		})
	}
}

// A test repeats the messages of the packages that it uses; who copies what is private into
// such a package does not pass.
func TestWhatATestOfAPrivateFunctionRepeats(t *testing.T) {
	root := privateFiles(t, map[string]string{
		"shared/proprietary/p/p.go":        "package p\n\nconst Prompt = `" + prompt + "`\n",
		"functions/hidden/handler_test.go": "package main\n\nconst want = \"the service cannot be reached, so nothing was done\"\n\nconst more = `" + prompt + "`\n",
		"shared/gemini/gemini.go":          "package gemini\n\nconst message = \"the service cannot be reached, so nothing was done\"\n\nvar copied = `" + prompt + "`\n",
	})
	none := map[string][]string{"main.go": nil}
	p, err := ReadPrivate(root, Private{[]string{proprietary}, []string{"functions/hidden"}}, Exceptions{Packages: []string{"shared/gemini"}})
	require.NoError(t, err)
	assert.Empty(t, CheckContent(public, []byte("the service cannot be reached, so nothing was done"), none, p, Private{[]string{proprietary}, nil}).Findings)
	assert.NotEmpty(t, CheckContent(public, []byte(prompt), none, p, Private{[]string{proprietary}, nil}).Findings)
	p, err = ReadPrivate(root, Private{[]string{proprietary}, []string{"functions/hidden"}}, Exceptions{})
	require.NoError(t, err)
	assert.NotEmpty(t, CheckContent(public, []byte("the service cannot be reached, so nothing was done"), none, p, Private{[]string{proprietary}, nil}).Findings)
}

// What cannot be examined is no reason to pass.
func TestAPrivateFileThatIsNoneIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		make func(file string) error
		want string
	}{
		"a named pipe":      {func(file string) error { testkit.Fifo(t, file); return nil }, "is a named pipe; put a regular file here"},
		"a link to nothing": {func(file string) error { return os.Symlink("nowhere", file) }, "is a symbolic link to nowhere, which does not exist; put the file itself here"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Join(root, proprietary), 0o700))
			require.NoError(t, c.make(filepath.Join(root, proprietary, "prompt.txt")))

			_, err := ReadPrivate(root, Private{Proprietary: []string{proprietary}}, Exceptions{})

			assert.EqualError(t, err, "read the private files: shared/proprietary/prompt.txt: "+c.want)
		})
	}
}

func TestWithoutProprietaryFilesNoPublicImagePasses(t *testing.T) {
	root := privateFiles(t, map[string]string{"functions/hidden/handler.go": "package main\n"})
	p, err := ReadPrivate(root, Private{[]string{proprietary}, []string{"functions/hidden"}}, Exceptions{})
	require.NoError(t, err)
	c := CheckContent(public, []byte("program"), map[string][]string{"a.go": nil}, p, Private{[]string{proprietary}, nil})
	assert.False(t, c.Passed)
	assert.Equal(t, []string{"`shared/proprietary` is missing or empty: cannot check; say what is proprietary, or \"none\", in ci/pipeline.json"}, c.Findings)
}

// proprietary is the folder that is proprietary unless ci/pipeline.json says otherwise.
const proprietary = "shared/proprietary"
