package gobuild

import (
	"fmt"
	constraints "go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/mod/semver"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// checkFiles refuses what the go command would wait for: a source that is not a file.
func checkFiles(root string, m modules) error {
	for _, l := range m.local {
		top := filepath.Join(root, filepath.FromSlash(l.folder))
		err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return err
			case d.IsDir() && name != top && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_")):
				return fs.SkipDir
			case d.IsDir(), d.Type().IsRegular(), !considered(d.Name()):
				return nil
			}
			info, err := os.Stat(name)
			if err != nil || info.IsDir() || info.Mode().IsRegular() {
				return nil // the go command says what is wrong with a broken link
			}
			return irregular(name, info.Mode())
		})
		if err != nil {
			return fmt.Errorf("read the modules: %w", err)
		}
	}
	return nil
}

// RuntimeVersion is the first version of [runtimeLibrary] with a client of the Runtime API.
// Earlier ones speak RPC only, with a runtime that Lambda no longer has.
// https://github.com/aws/aws-lambda-go/releases/tag/v1.18.0
const RuntimeVersion = "v1.18.0"

// runtimeLibrary lets a Go program run in Lambda.
const runtimeLibrary = "github.com/aws/aws-lambda-go"

// check returns why a function cannot become an image, as far as its packages tell.
func check(f catalog.Function, reached []Package) error {
	if len(reached) == 0 {
		return fmt.Errorf("%s: has no Go package", f.Main())
	}
	for _, p := range reached {
		if p.Error != nil {
			return fmt.Errorf("%s: %s", f.Main(), p.Error)
		}
	}
	if reached[0].Name != "main" {
		return noProgram(f)
	}
	for _, p := range reached {
		if m := p.Module; m != nil && m.Path == runtimeLibrary && m.Replace == nil && m.Version != "" && semver.Compare(m.Version, RuntimeVersion) < 0 {
			return catalog.Problem{File: path.Join(f.In(), "go.mod"), Field: "require " + m.Path,
				Fix: fmt.Sprintf("%s cannot run on provided.al2023, because it does not know the Lambda Runtime API; require %s or later: go -C %s get %s@latest",
					m.Version, RuntimeVersion, f.In(), m.Path)}
		}
	}
	return nil
}

// cgo returns an error if a source of the function was left out because it imports "C".
func cgo(root string, of source, platform v1.Platform, tags []string) error {
	with := constraints.Context{GOOS: platform.OS, GOARCH: platform.Architecture, Compiler: "gc", CgoEnabled: true, BuildTags: tags, ReleaseTags: constraints.Default.ReleaseTags}
	for _, p := range of.reached {
		if p.Standard || p.Module == nil {
			continue
		}
		for _, name := range p.IgnoredGoFiles {
			if match, err := with.MatchFile(p.Dir, name); err != nil || !match {
				continue // it is for another platform
			}
			file := filepath.Join(p.Dir, name)
			parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
			if err != nil {
				continue
			}
			for _, i := range parsed.Imports {
				if i.Path.Value == `"C"` {
					return catalog.Problem{File: relative(root, file, p), Field: `import "C"`,
						Fix: "cgo is off, because an image has no C compiler's libraries, so Go leaves this file out; use a package that is all Go"}
				}
			}
		}
	}
	return nil
}

// relative names a file of a package for people.
func relative(root, file string, p Package) string {
	if rel, err := filepath.Rel(root, file); err == nil && filepath.IsLocal(rel) {
		return filepath.ToSlash(rel)
	}
	return path.Join(p.ImportPath, filepath.Base(file))
}
