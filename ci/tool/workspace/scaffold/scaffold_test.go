package scaffold_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/mod/modfile"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/scaffold"
)

func TestLambdaName(t *testing.T) {
	for name, test := range map[string]struct {
		others []string
		image  string
		want   string
	}{
		"a common beginning":             {[]string{"AiMediaApiHandler", "AiMediaVideo"}, "resize", "AiMediaResize"},
		"words, not letters":             {[]string{"AiMediaSelect", "AiMediaStill"}, "resize", "AiMediaResize"},
		"a word that one name ends with": {[]string{"AiMedia", "AiMediaStill"}, "resize", "AiMediaResize"},
		"several words":                  {[]string{"AiApi", "AiVideo"}, "contact-sheet", "AiContactSheet"},
		"nothing in common":              {[]string{"Api", "Video"}, "resize", "Resize"},
		"only one function":              {[]string{"AiMediaApi"}, "resize", "Resize"},
		"names in another style":         {[]string{"media-api", "media-video"}, "resize", "Resize"},
	} {
		t.Run(name, func(t *testing.T) {
			var functions []catalog.Function
			for _, other := range test.others {
				functions = append(functions, catalog.Function{Lambda: other})
			}
			assert.Equal(t, test.want, scaffold.LambdaName(functions, test.image))
		})
	}
}

// workspace returns a workspace with the shared module of this repository.
func workspace(t *testing.T) *catalog.Catalog {
	t.Helper()
	c := testkit.Workspace(t, map[string]string{"shared/greet/a.go": "", "functions/enhance-lambda/main.go": "package main\n\nfunc main() {}\n",
		"functions/thumbnail-lambda/main.go": "package main\n\nfunc main() {}\n"})
	require.NoError(t, os.RemoveAll(filepath.Join(c.Root, "shared")))
	require.NoError(t, os.CopyFS(filepath.Join(c.Root, "shared"), os.DirFS("../../../../shared")))
	return c
}

func TestNew(t *testing.T) {
	testkit.Offline(t, "../../../..") // all versions are those that the workspace has
	c := workspace(t)
	f := catalog.Function{Image: "word-count", Variant: catalog.Light, Registry: catalog.Public, Lambda: "WordCount", Reason: `counts <words> & "such"`}
	made, err := scaffold.New(t.Context(), c, f)
	require.NoError(t, err)
	f.Folder, f.Module, f.Program = "functions/word-count-lambda", "functions/word-count-lambda", "word-count-lambda"
	assert.Equal(t, &scaffold.Made{Function: f, Files: []string{
		f.Folder + "/go.mod", f.Folder + "/go.sum", f.Folder + "/handler.go", f.Folder + "/handler_test.go",
		f.Folder + "/image.json", f.Folder + "/main.go", f.Folder + "/testdata/event.json", "go.work",
	}}, made)
	for _, file := range made.Files {
		assert.FileExists(t, filepath.Join(c.Root, file))
	}
	again, err := catalog.Load(c.Root)
	require.NoError(t, err, "the catalog accepts it")
	assert.Contains(t, again.Functions, f)
	left, err := filepath.Glob(filepath.Join(c.Root, "functions", ".*"))
	require.NoError(t, err)
	assert.Empty(t, left)
	info, err := os.Stat(filepath.Join(c.Root, f.Folder))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o755), info.Mode().Perm())

	own, shared := requirements(t, filepath.Join(c.Root, f.Folder, "go.mod")), requirements(t, filepath.Join(c.Root, "shared/go.mod"))
	for path, version := range own {
		if path != "lambdas.internal/shared" {
			assert.Equal(t, shared[path], version, path)
		}
	}
	assert.Less(t, len(own), len(shared), "unused requirements are removed")
	cmd := exec.Command("go", "mod", "tidy", "-diff")
	cmd.Dir = filepath.Join(c.Root, f.Folder)
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

func requirements(t *testing.T, file string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	m, err := modfile.Parse(file, data, nil)
	require.NoError(t, err)
	found := map[string]string{}
	for _, r := range m.Require {
		found[r.Mod.Path] = r.Mod.Version
	}
	return found
}

func TestARefusedFunctionLeavesNothing(t *testing.T) {
	good := catalog.Function{Image: "resize", Variant: catalog.Heavy, Registry: catalog.Private, Lambda: "Resize", Reason: "test"}
	with := func(change func(*catalog.Function)) catalog.Function {
		f := good
		change(&f)
		return f
	}
	for name, test := range map[string]struct {
		function catalog.Function
		spoil    func(t *testing.T, root string)
		fields   []string // that are refused; none when the cause is another
		says     string
	}{
		"a bad name":             {with(func(f *catalog.Function) { f.Image = "../resize" }), nil, []string{"image"}, "is not a valid name"},
		"a name that is taken":   {with(func(f *catalog.Function) { f.Image = "api" }), nil, []string{"image"}, "already the image"},
		"a folder that is taken": {with(func(f *catalog.Function) { f.Image = "media" }), nil, []string{"image"}, "already exists"},
		"a lambda that is taken": {with(func(f *catalog.Function) { f.Lambda = "Api" }), nil, []string{"lambda"}, "already the function"},
		"all wrong": {catalog.Function{Image: "A", Variant: "b", Registry: "c", Lambda: "d e", Reason: "f\ng"}, nil,
			[]string{"image", "lambda", "reason", "variant", "registry"}, ""},
		"a shared module without sums": {good, func(t *testing.T, root string) { require.NoError(t, os.Remove(filepath.Join(root, "shared/go.sum"))) },
			nil, "write functions/resize-lambda/go.mod: "},
		"a shared module that cannot be read": {good, func(t *testing.T, root string) {
			require.NoError(t, os.WriteFile(filepath.Join(root, "shared/go.mod"), []byte("modul x"), 0o644))
		}, nil, "unknown directive: modul"},
		"a version that does not exist": {good, func(t *testing.T, root string) {
			require.NoError(t, os.WriteFile(filepath.Join(root, "shared/go.mod"),
				[]byte("module lambdas.internal/shared\n\ngo 1.26.1\n\nrequire github.com/aws/aws-lambda-go v1.0.99\n"), 0o644))
		}, nil, "go mod tidy: "},
		"a go.work with a syntax error": {good, func(t *testing.T, root string) {
			require.NoError(t, os.WriteFile(filepath.Join(root, "go.work"), []byte("uze x"), 0o644))
		}, nil, "add functions/resize-lambda to go.work: "},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.Offline(t, "../../../..")
			c := workspace(t)
			if test.spoil != nil {
				test.spoil(t, c.Root)
			}
			before := testkit.Tree(t, c.Root)
			_, err := scaffold.New(t.Context(), c, test.function)
			require.ErrorContains(t, err, test.says)
			var refused scaffold.Refused
			if assert.Equal(t, test.fields != nil, errors.As(err, &refused)) {
				var fields []string
				for _, p := range refused {
					fields = append(fields, p.Field)
				}
				assert.Equal(t, test.fields, fields)
			}
			assert.Equal(t, before, testkit.Tree(t, c.Root))
			left, err := filepath.Glob(filepath.Join(c.Root, "functions", ".*"))
			require.NoError(t, err)
			assert.Empty(t, left)
		})
	}
}
