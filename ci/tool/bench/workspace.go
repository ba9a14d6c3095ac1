//go:build unix

package main

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/template"

	"lambdas.internal/ci/tool/audit"
	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// copyWorkspace copies the sources of the images to the folder to, so that the cases can
// edit them, and reads the catalog there.
func copyWorkspace(from, to string) (*catalog.Catalog, error) {
	for _, dir := range []string{catalog.Dir, "shared"} {
		if err := os.CopyFS(filepath.Join(to, dir), os.DirFS(filepath.Join(from, dir))); err != nil {
			return nil, fmt.Errorf("copy the workspace: %w", err)
		}
	}
	if err := copyFiles(from, to, "go.work", "go.work.sum"); err != nil {
		return nil, err
	}
	if err := copyPipeline(from, to); err != nil {
		return nil, err
	}
	return catalog.Load(to)
}

// copyPipeline copies the lock file, the Dagger module, the program and the Dockerfiles.
func copyPipeline(from, to string) error {
	if err := os.CopyFS(filepath.Join(to, "ci"), os.DirFS(filepath.Join(from, "ci"))); err != nil {
		return fmt.Errorf("copy the pipeline: %w", err)
	}
	return copyFiles(from, to, "dagger.json", ".dockerignore")
}

// copyFiles copies the named files, except those that do not exist.
func copyFiles(from, to string, names ...string) error {
	for _, name := range names {
		target := filepath.Join(to, name)
		err := os.MkdirAll(filepath.Dir(target), 0o755)
		if err == nil {
			err = cache.Copy(filepath.Join(from, name), target)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("copy the workspace: %w", err)
		}
	}
	return nil
}

// lambdaModule is the library that the generated functions use.
const lambdaModule = "github.com/aws/aws-lambda-go"

// sources are the files of a generated function.
//
//go:embed template
var sources embed.FS

var templates = template.Must(template.ParseFS(sources, "template/*.tmpl"))

// function is the data for the templates.
type function struct {
	Name   string
	Go     string // the Go version in go.mod
	Shared string // module path of the shared packages
	Lambda string // module path and version of the Lambda library
}

// generateWorkspace writes a workspace to the folder to: n small functions, and the shared
// packages of the workspace in the folder from.
func generateWorkspace(from, to string, n int) (*catalog.Catalog, error) {
	if err := generate(from, to, n); err != nil {
		return nil, fmt.Errorf("generate %s: %w", report.Count(n, "function"), err)
	}
	return catalog.Load(to)
}

func generate(from, to string, n int) error {
	if err := os.CopyFS(filepath.Join(to, "shared"), os.DirFS(filepath.Join(from, "shared"))); err != nil {
		return err
	}
	if err := copyFiles(from, to, "go.work.sum"); err != nil {
		return err
	}
	if err := copyPipeline(from, to); err != nil {
		return err
	}
	// Its exceptions are for functions that are not here.
	if err := os.Remove(filepath.Join(to, filepath.FromSlash(audit.ExceptionsFile))); err != nil {
		return err
	}
	f, err := sharedFacts(from)
	if err != nil {
		return err
	}
	sum, err := os.ReadFile(filepath.Join(from, "shared", "go.sum"))
	if err != nil {
		return err
	}
	var uses strings.Builder
	for i := range n {
		f.Name = fmt.Sprintf("fn%03d", i)
		dir := filepath.Join(to, catalog.Dir, f.Name)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		for _, t := range templates.Templates() {
			var text strings.Builder
			if err := t.Execute(&text, f); err != nil {
				return err
			}
			if err := os.WriteFile(filepath.Join(dir, strings.TrimSuffix(t.Name(), ".tmpl")), []byte(text.String()), 0o644); err != nil {
				return err
			}
		}
		if err := os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&uses, "\t./%s/%s\n", catalog.Dir, f.Name)
	}
	return writeWork(from, to, uses.String())
}

// sharedFacts reads from the shared module what the generated modules must repeat.
func sharedFacts(root string) (function, error) {
	const name = "shared/go.mod"
	mod, err := catalog.GoMod(root, name)
	if err != nil {
		return function{}, err
	}
	f := function{Go: mod.Go.Version, Shared: mod.Module.Mod.Path}
	for _, r := range mod.Require {
		if r.Mod.Path == lambdaModule {
			f.Lambda = r.Mod.Path + " " + r.Mod.Version
			return f, nil
		}
	}
	return function{}, fmt.Errorf("%s does not require %s", name, lambdaModule)
}

// writeWork writes a go.work with the versions of the real one, for the modules in uses.
func writeWork(from, to, uses string) error {
	work, err := catalog.GoWork(from)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("go %s\n\ntoolchain %s\n\nuse (\n%s\t./shared\n)\n", work.Go.Version, work.Toolchain.Name, uses)
	return os.WriteFile(filepath.Join(to, "go.work"), []byte(text), 0o644)
}
