package gobuild

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/mod/module"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Package is one Go package that a binary is built from, as `go list` describes it.
type Package struct {
	// ImportPath names the package; Imports name those that it imports.
	ImportPath string
	Imports    []string
	// ImportMap maps import paths in the source to the real ones, if they differ.
	ImportMap map[string]string
	// Name is the name in the package clause.
	Name string
	// Dir is the package's folder.
	Dir string
	// GoFiles and EmbedFiles are the sources and embedded files, in Dir.
	GoFiles    []string
	EmbedFiles []string
	// IgnoredGoFiles are left out, because of their names, constraints, or an import of "C".
	IgnoredGoFiles []string
	// The sources in other languages, in Dir.
	CFiles, CXXFiles, MFiles, HFiles, FFiles, SFiles, SwigFiles, SwigCXXFiles, SysoFiles []string
	// EmbedPatterns are those of the //go:embed lines.
	EmbedPatterns []string
	// Standard is true for a package of the standard library.
	Standard bool
	// Module has the package; nil for one of the standard library.
	Module *Module
	// DefaultGODEBUG are the settings of a program.
	DefaultGODEBUG string
	// Local is true for a package that is neither of the standard library nor of a module
	// that was downloaded.
	Local bool `json:"-"`
	// Public is true for a package of the standard library, and for one of a module that
	// everybody can download, as far as GOPRIVATE and GONOSUMDB say.
	Public bool `json:"-"`
	// Real are the paths of files in Dir that symbolic links lead to, by name.
	Real map[string]string `json:"-"`
	// Error says why the package cannot be built.
	Error *PackageError
}

// Module is the module of a package.
type Module struct {
	Path, Version, GoVersion, Sum string
	Dir                           string
	Replace                       *Module
}

// PackageError is what is wrong with a package.
type PackageError struct{ Pos, Err string }

// fields are those of [Package] that `go list` is asked for.
const fields = "-json=ImportPath,Imports,ImportMap,Name,Dir,GoFiles,EmbedFiles,IgnoredGoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles," +
	"SwigFiles,SwigCXXFiles,SysoFiles,EmbedPatterns,Standard,Module,DefaultGODEBUG,Error"

// Files are all files in Dir that are in the binary or in what it is compiled from.
func (p Package) Files() []string {
	return slices.Concat(p.GoFiles, p.EmbedFiles, p.CFiles, p.CXXFiles, p.MFiles, p.HFiles, p.FFiles, p.SFiles, p.SwigFiles, p.SwigCXXFiles, p.SysoFiles)
}

// Packages returns every package that the functions' binaries are built from. It uses
// the tags, platform and environment of [Compile], so that it leaves out the same files.
//
// A package that functions with other tags, or in other modules, build from other files is
// there with the files of all.
func Packages(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform) ([]Package, error) {
	var all []Package
	for _, of := range groups(c, functions, platform) {
		packages, err := packagesOf(ctx, c, of)
		if err != nil {
			return nil, err
		}
		all = merge(all, packages, of.in.module)
	}
	return all, nil
}

// packagesOf returns the packages of functions that are built in the same way.
func packagesOf(ctx context.Context, c *catalog.Catalog, of group) ([]Package, error) {
	in := of.in
	if err := in.readUser(ctx); err != nil {
		return nil, err
	}
	m, err := readModules(c, in)
	if err != nil {
		return nil, err
	}
	packages, err := listed(ctx, in, m, of.functions)
	if err != nil {
		return nil, err
	}
	for n, p := range packages {
		if p.Error != nil {
			return nil, fmt.Errorf("list the packages of the functions: %s", p.Error)
		}
		packages[n].Public = public(p, in)
		if packages[n].Local = local(p, in.value("GOMODCACHE")); packages[n].Local {
			if packages[n].Real, err = real(p); err != nil {
				return nil, fmt.Errorf("follow the links of %s: %w", p.ImportPath, err)
			}
		}
	}
	return packages, nil
}

// public tells whether everybody has the package.
func public(p Package, in command) bool {
	if p.Standard || p.Module == nil || local(p, in.value("GOMODCACHE")) {
		return p.Standard
	}
	path := p.Module.Path
	if p.Module.Replace != nil {
		path = p.Module.Replace.Path
	}
	return !module.MatchPrefixPatterns(in.value("GONOSUMDB"), path) && !module.MatchPrefixPatterns(in.value("GOPRIVATE"), path)
}

// real returns the files of a package that are elsewhere than their names say.
func real(p Package) (map[string]string, error) {
	found := map[string]string{}
	dir, err := filepath.EvalSymlinks(p.Dir)
	if err != nil {
		return nil, err
	}
	for _, name := range p.Files() {
		at, err := filepath.EvalSymlinks(filepath.Join(dir, name))
		if err != nil {
			return nil, err
		}
		if at != filepath.Join(p.Dir, name) {
			found[name] = at
		}
	}
	return found, nil
}

// String is one line.
func (e *PackageError) String() string {
	text := strings.Join(strings.Fields(e.Err), " ")
	if e.Pos != "" {
		text = e.Pos + ": " + text
	}
	return text
}

// list runs `go list`. What is wrong with a package is in its Error.
func list(ctx context.Context, in command, functions []catalog.Function) ([]Package, error) {
	out, err := printed(ctx, in, functions)
	if err != nil {
		return nil, err
	}
	return parse(out)
}

// printed is what `go list` prints.
func printed(ctx context.Context, in command, functions []catalog.Function) (string, error) {
	out, err := in.run(ctx, in.listArgs(functions)...)
	if err != nil {
		return "", fmt.Errorf("list the packages of %s: %w", in.what(), err)
	}
	return out, nil
}

// listArgs are the arguments of `go list`.
func (in command) listArgs(functions []catalog.Function) []string {
	// A profile would make a variant of each package for each program.
	args := []string{"list", "-e", "-deps", "-pgo=off", fields, "-tags=" + strings.Join(in.tags, ",")}
	for _, f := range functions {
		args = append(args, in.arg(f))
	}
	return args
}

// parse reads what `go list` printed.
func parse(out string) ([]Package, error) {
	var packages []Package
	for d := json.NewDecoder(strings.NewReader(out)); ; {
		var p Package
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("list the packages of the functions: %w", err)
		}
		packages = append(packages, p)
	}
}

// within returns the part of an import path below a module's path.
func within(importPath, module string) (rest string, ok bool) {
	rest, ok = strings.CutPrefix(importPath, module)
	return strings.TrimPrefix(rest, "/"), ok && (rest == "" || rest[0] == '/')
}

// between returns the folders between one and another below it, without both.
func between(above, below string) []string {
	var all []string
	for dir := path.Dir(below); len(dir) > len(above); dir = path.Dir(dir) {
		all = append(all, dir)
	}
	return all
}
