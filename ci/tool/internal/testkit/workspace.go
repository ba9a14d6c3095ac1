// Package testkit has the helpers that tests of several packages share: small workspaces,
// registries on localhost, and programs for images.
package testkit

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Toolchain is the version of Go that runs the tests. Small workspaces pin it, so that no
// other version is downloaded.
func Toolchain() string {
	version, _, _ := strings.Cut(runtime.Version(), " ")
	return version
}

// Write writes files below dir, and creates their folders.
func Write(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	}
}

// GoMod returns a go.mod.
func GoMod(module string, lines ...string) string {
	return "module " + module + "\n\ngo 1.26.1\n\n" + strings.Join(lines, "\n") + "\n"
}

// Shared has the lines of a function's go.mod that use the shared module.
const Shared = "replace lambdas.internal/shared => ../../shared\n\nrequire lambdas.internal/shared v0.0.0"

// Description returns an image.json.
func Description(t testing.TB, f catalog.Function) string {
	t.Helper()
	data, err := json.MarshalIndent(map[string]any{
		"image": f.Image, "variant": f.Variant, "registry": f.Registry, "lambda": f.Lambda, "reason": "test",
	}, "", "  ")
	require.NoError(t, err)
	return string(data) + "\n"
}

// Client is a file for a function's folder. A program with it can receive events, as far as
// the gates can tell; those of [Files] cannot.
const Client = `package main

import "syscall"

// runtimeAPI is where a client asks for events.
var runtimeAPI, _ = syscall.Getenv("AWS_LAMBDA_RUNTIME_API")
`

// Files returns the files of a small workspace without dependencies: api (light) uses no
// other module; enhance (light) and thumb (heavy) use the module shared.
func Files(t testing.TB) map[string]string {
	t.Helper()
	files := map[string]string{
		"go.work": "go 1.26.1\n\ntoolchain " + Toolchain() + "\n\nuse (\n\t./functions/media-lambda\n" +
			"\t./functions/enhance-lambda\n\t./functions/thumbnail-lambda\n\t./shared\n)\n",
		"shared/go.mod":     GoMod("lambdas.internal/shared"),
		"shared/greet/a.go": "// Package greet greets.\npackage greet\n\n// Word is a greeting.\nconst Word = \"hello\"\n",
	}
	const alone = "package main\n\nfunc main() { println(\"alone\") }\n"
	const sharing = "package main\n\nimport \"lambdas.internal/shared/greet\"\n\nfunc main() { println(greet.Word) }\n"
	for _, f := range []struct {
		catalog.Function
		source string
		mod    []string
	}{
		{catalog.Function{Folder: "functions/media-lambda", Image: "api", Variant: catalog.Light, Registry: catalog.Private, Lambda: "Api"}, alone, nil},
		{catalog.Function{Folder: "functions/enhance-lambda", Image: "enhance", Variant: catalog.Light, Registry: catalog.Public, Lambda: "Enhance"}, sharing, []string{Shared}},
		{catalog.Function{Folder: "functions/thumbnail-lambda", Image: "thumb", Variant: catalog.Heavy, Registry: catalog.Public, Lambda: "Thumb"}, sharing, []string{Shared}},
	} {
		files[f.Folder+"/go.mod"] = GoMod("lambdas.internal/"+f.Folder, f.mod...)
		files[f.Folder+"/main.go"] = f.source
		files[f.Folder+"/image.json"] = Description(t, f.Function)
	}
	return files
}

// Workspace writes [Files] with the changes, and returns the catalog. A change to the empty
// string leaves the file out.
func Workspace(t testing.TB, changes map[string]string) *catalog.Catalog {
	t.Helper()
	root := t.TempDir()
	files := Files(t)
	for name, content := range changes {
		files[name] = content
		if content == "" {
			delete(files, name)
		}
	}
	Write(t, root, files)
	c, err := catalog.Load(root)
	require.NoError(t, err)
	return c
}

// Downloaded makes sure that this machine has the requirements of the shared module of the
// repository at root, like every machine that has built its functions.
func Downloaded(t testing.TB, root string) {
	t.Helper()
	cmd := exec.Command("go", "mod", "download")
	cmd.Dir = filepath.Join(root, "shared")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}

// Offline runs the rest of the test without a module proxy, after [Downloaded].
func Offline(t testing.TB, root string) {
	t.Helper()
	Downloaded(t, root)
	t.Setenv("GOPROXY", "off")
}
