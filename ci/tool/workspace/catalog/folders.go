package catalog

import (
	"bytes"
	"errors"
	"fmt"
	"go/build"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/report"
)

// folders returns the folders of the functions: those that the patterns match, and that
// have an image.json or a program. What else is there, such as events/, is no function.
func folders(root string, p Pipeline) (all []string, problems []error, err error) {
	fsys := os.DirFS(root)
	seen := map[string]bool{}
	for _, pattern := range p.Functions {
		if strings.HasPrefix(pattern, "!") {
			continue
		}
		if above := path.Dir(pattern); !strings.ContainsAny(above, `*?[\`) {
			if err := checkFolder(root, above); err != nil {
				return nil, nil, err
			}
		}
		matches, err := fs.Glob(fsys, pattern)
		if err != nil {
			return nil, nil, fmt.Errorf("read the functions: %w", err)
		}
		for _, folder := range matches {
			if seen[folder] || hidden(folder) || !p.Covers(folder) {
				continue
			}
			seen[folder] = true
			is, err := isFunction(root, folder)
			if err != nil {
				problems = append(problems, err)
			}
			if is {
				all = append(all, folder)
			}
		}
	}
	slices.Sort(all)
	return all, problems, nil
}

// hidden tells whether Go ignores a folder of the path.
func hidden(folder string) bool {
	return folder != "." && slices.ContainsFunc(strings.Split(folder, "/"), func(name string) bool {
		return strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_")
	})
}

// isFunction tells whether the folder has an image.json or a program.
func isFunction(root, folder string) (bool, error) {
	if err := checkFolder(root, folder); err != nil {
		return false, err
	}
	at := filepath.Join(root, filepath.FromSlash(folder))
	if info, err := os.Lstat(at); err != nil || !info.IsDir() {
		return false, nil //nolint:nilerr // what is no folder is no function
	}
	if _, err := os.Lstat(filepath.Join(at, DescriptionFile)); err == nil {
		return true, nil
	}
	return HasProgram(at)
}

// lambda is where functions run.
var lambda = build.Context{GOOS: "linux", GOARCH: "amd64", Compiler: "gc"}

// ForLambda tells whether a Go file is compiled for the system where functions run.
func ForLambda(dir, name string) bool {
	built, err := lambda.MatchFile(dir, name)
	return err == nil && built
}

// HasProgram tells whether the folder has a Go file of the package main, for Linux.
func HasProgram(dir string) (bool, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return false, fmt.Errorf("read the functions: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if !e.Type().IsRegular() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			continue
		}
		if !ForLambda(dir, name) {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), filepath.Join(dir, name), nil, parser.PackageClauseOnly)
		if err == nil && file.Name.Name == "main" {
			return true, nil
		}
	}
	return false, nil
}

// none is the problem of a workspace without functions.
func none(patterns []string) error {
	if slices.Equal(patterns, []string{Dir + "/*"}) {
		return Problem{File: Dir + "/", Fix: "has no function; add a folder with main.go, go.mod and image.json"}
	}
	return Problem{File: PipelineFile, Field: "functions",
		Fix: fmt.Sprintf("no folder of %s has an %s or a program; name the folders of the functions", strings.Join(patterns, ", "), DescriptionFile)}
}

// Covers tells whether the patterns name the folder.
func (p Pipeline) Covers(folder string) bool {
	covered := false
	for _, pattern := range p.Functions {
		not, left := strings.CutPrefix(pattern, "!")
		if ok, err := path.Match(not, folder); err != nil || !ok {
			continue
		}
		if left {
			return false
		}
		covered = true
	}
	return covered
}

// Place changes the patterns of [PipelineFile] so that they name a folder, or name it no
// more. It keeps what the file says beside that, and tells whether it changed the file.
func (c *Catalog) Place(folder string, is bool) (changed bool, err error) {
	patterns := slices.DeleteFunc(slices.Clone(c.Pipeline.Functions), func(p string) bool { return p == folder || p == "!"+folder })
	if next := (Pipeline{Functions: patterns}); is && !next.Covers(folder) {
		patterns = append(patterns, folder)
	}
	if slices.Equal(patterns, c.Pipeline.Functions) {
		return false, nil
	}
	var p Pipeline
	if err := ReadJSON(c.Root, PipelineFile, &p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return false, err
	}
	if p.Functions = patterns; len(patterns) == 0 {
		p.Functions = nil
	}
	var b bytes.Buffer
	if err := report.JSON(&b, p); err != nil {
		return false, fmt.Errorf("write %s: %w", PipelineFile, err)
	}
	file := filepath.Join(c.Root, filepath.FromSlash(PipelineFile))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return false, fmt.Errorf("write %s: %w", PipelineFile, err)
	}
	if err := cache.WriteFile(file, b.Bytes()); err != nil {
		return false, fmt.Errorf("write %s: %w", PipelineFile, err)
	}
	c.Pipeline.Functions = patterns
	return true, nil
}
