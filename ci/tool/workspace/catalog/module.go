package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"golang.org/x/mod/modfile"
)

// workFile is the part of go.work that the catalog needs.
type workFile struct {
	toolchain string
	stale     []error
	uses      map[string]bool // folders, slash-separated, relative to the root; nil without go.work
}

// readWork reads go.work, which need not be there, and finds out the Go toolchain.
func readWork(root string, p Pipeline) (workFile, error) {
	const pin = "; name the Go version that builds the images, for example `toolchain go1.26.8`"
	w := workFile{toolchain: p.Toolchain}
	parsed, err := GoWork(root)
	switch {
	case errors.Is(err, os.ErrNotExist):
		mod, err := GoMod(root, "go.mod")
		if err == nil && mod.Toolchain != nil && mod.Toolchain.Name != "default" {
			w.toolchain = mod.Toolchain.Name
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return w, fmt.Errorf("read the workspace: %w", err)
		}
		if w.toolchain == "" {
			return w, Problem{File: PipelineFile, Field: "toolchain",
				Fix: "is missing, and no go.work and no go.mod of the workspace pins one; name the Go version that builds the images, for example \"toolchain\": \"go1.26.8\""}
		}
		return w, nil
	case err != nil:
		return w, fmt.Errorf("read the workspace: %w", err)
	}
	w.uses = map[string]bool{}
	for _, use := range parsed.Use {
		at := filepath.ToSlash(filepath.Clean(use.Path))
		if _, err := os.Stat(filepath.Join(root, at)); errors.Is(err, fs.ErrNotExist) && !filepath.IsAbs(use.Path) {
			w.stale = append(w.stale, Problem{File: "go.work", Field: "use",
				Fix: fmt.Sprintf("names ./%s, which does not exist, so no go command works; if it was removed, run `go work edit -dropuse=%s`", at, use.Path)})
		}
		w.uses[at] = true
	}
	switch {
	case parsed.Toolchain == nil && w.toolchain == "":
		return w, Problem{File: "go.work", Field: "toolchain", Fix: "is missing" + pin}
	case parsed.Toolchain != nil && parsed.Toolchain.Name == "default":
		return w, Problem{File: "go.work", Field: "toolchain", Fix: `"default" is not a version` + pin}
	case parsed.Toolchain != nil:
		w.toolchain = parsed.Toolchain.Name
	}
	return w, nil
}

// place finds the module of the program, and what its file is called.
func (f *Function) place(root string, work workFile) []error {
	main := f.Main()
	at := main
	data, err := ReadFile(root, path.Join(at, "go.mod"))
	for errors.Is(err, fs.ErrNotExist) && at != "." {
		at = path.Dir(at)
		data, err = ReadFile(root, path.Join(at, "go.mod"))
	}
	var problems []error
	switch name := modfile.ModulePath(data); {
	case errors.Is(err, fs.ErrNotExist):
		at = main
		problems = append(problems, Problem{File: path.Join(main, "go.mod"), Fix: "is missing, in this folder and above it; run `go mod init` in " + main})
	case err != nil:
		problems = append(problems, err)
	case name == "":
		problems = append(problems, Problem{File: path.Join(at, "go.mod"), Field: "module",
			Fix: "is missing; write it in the first line, for example `module lambdas.internal/" + f.Folder + "`"})
	default:
		f.Program = programName(path.Join(name, strings.TrimPrefix(main, at)))
	}
	f.Module = at
	if work.uses != nil && !work.uses[at] {
		problems = append(problems, Problem{File: "go.work", Field: "use",
			Fix: fmt.Sprintf("does not list ./%s; run `go work use ./%s`", at, at)})
	}
	return problems
}

var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// programName is how `go build` calls the program of a package.
// https://pkg.go.dev/cmd/go#hdr-Compile_packages_and_dependencies
func programName(importPath string) string {
	name := path.Base(importPath)
	if above := path.Dir(importPath); above != "." && majorVersion.MatchString(name) {
		name = path.Base(above)
	}
	return name
}

// separate gives programs of one name different folders. Names that differ in case only are one,
// as they are on the file systems of macOS and Windows.
func separate(functions []Function) {
	seen := map[string]bool{}
	for n := range functions {
		f := &functions[n]
		if seen[strings.ToLower(f.Program)] {
			f.Program = "of-" + f.Image + "/" + f.Program
		}
		seen[strings.ToLower(f.Program)] = true
	}
}
