// Package change explains why a function's image differs from the one at an earlier
// commit: which of its source files, module versions, base or ffmpeg changed.
package change

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// maxShown limits how many files and versions a text names.
const maxShown = 3

// Bump is a version that changed.
type Bump struct {
	// What is a module path, "toolchain", "base" or "ffmpeg".
	What   string `json:"what"`
	Before string `json:"before"`
	After  string `json:"after"`
}

func (b Bump) String() string {
	switch {
	case b.Before == "":
		return b.What + " " + b.After + " is new"
	case b.After == "":
		return b.What + " " + b.Before + " was removed"
	default:
		return fmt.Sprintf("%s %s -> %s", b.What, b.Before, b.After)
	}
}

// Reason is why the image of one function changed.
type Reason struct {
	// Files are the changed files that its image is built from, relative to the
	// workspace.
	Files []string `json:"files,omitempty"`
	Bumps []Bump   `json:"bumps,omitempty"`
}

// None tells whether no change was found.
func (r Reason) None() bool { return len(r.Files) == 0 && len(r.Bumps) == 0 }

func (r Reason) String() string {
	parts := slices.Clone(r.Files)
	for _, b := range r.Bumps {
		parts = append(parts, b.String())
	}
	if len(parts) > maxShown {
		parts = append(parts[:maxShown], fmt.Sprintf("%d more", len(parts)-maxShown))
	}
	return strings.Join(parts, ", ")
}

// Since describes the workspace now, and what changed in it since a commit.
type Since struct {
	// Root is the folder of the workspace. Packages are the Go packages that its
	// binaries are built from.
	Root     string
	Packages []gobuild.Package
	// Files are the changed files, slash-separated and relative to Root.
	Files []string
	// Before and After are the versions then and now.
	Before, After Versions
}

// Of returns why the function's image changed.
func (s Since) Of(f catalog.Function) Reason {
	var r Reason
	graph := gobuild.NewGraph(s.Root, s.Packages)
	reached, _ := graph.Reach(f)
	folders := map[string]gobuild.Package{}
	sources := map[string]bool{f.Folder + "/" + catalog.DescriptionFile: true}
	for _, p := range reached {
		if folder := graph.Folder(p); folder != "" {
			folders[folder] = p
			addFiles(sources, folder, p)
		}
	}
	present := map[string]bool{}
	for _, p := range s.Packages {
		if folder := graph.Folder(p); folder != "" {
			addFiles(present, folder, p)
		}
	}
	for _, file := range s.Files {
		if sources[file] || copied(file, f) || !present[file] && wasSource(file, folders) {
			r.Files = append(r.Files, file)
		}
	}
	slices.Sort(r.Files)
	r.Files = slices.Compact(r.Files)
	r.Bumps = s.bumps(f, reached)
	return r
}

// copied tells whether image.json says that the file is in the image.
func copied(file string, f catalog.Function) bool {
	for _, from := range f.Copies() {
		if catalog.Within(file, from) {
			return true
		}
	}
	return false
}

// addFiles adds the files of a package in the folder.
func addFiles(files map[string]bool, folder string, p gobuild.Package) {
	for _, file := range slices.Concat(p.GoFiles, p.EmbedFiles) {
		files[path.Join(folder, filepath.ToSlash(file))] = true
	}
}

// wasSource tells whether a file that is in no package now may have been part of a
// package in one of the folders, as Go code or as an embedded file.
func wasSource(file string, folders map[string]gobuild.Package) bool {
	if strings.HasSuffix(file, ".go") {
		_, ok := folders[path.Dir(file)]
		return ok && !strings.HasSuffix(file, "_test.go")
	}
	for folder, p := range folders {
		for _, embedded := range p.EmbedFiles {
			// It was embedded, most likely, if its folder has an embedded file of its type.
			if at := path.Dir(path.Join(folder, filepath.ToSlash(embedded))); at == path.Dir(file) && path.Ext(file) == path.Ext(embedded) {
				return true
			}
		}
	}
	return false
}

// WorkTree is the workspace as it is now, to compare with commits.
type WorkTree struct {
	root     string
	packages []gobuild.Package
	versions Versions
	modules  []string // where no go.work names them
}

// ReadWorkTree reads what the binaries of the functions are built from now.
func ReadWorkTree(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform) (*WorkTree, error) {
	packages, err := gobuild.Packages(ctx, c, functions, platform)
	if err != nil {
		return nil, err
	}
	var modules []string
	for _, f := range c.Functions {
		if !slices.Contains(modules, f.In()) {
			modules = append(modules, f.In())
		}
	}
	versions, err := ReadVersions(func(name string) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(c.Root, filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			err = nil
		}
		return data, err
	}, modules...)
	return &WorkTree{c.Root, packages, versions, modules}, err
}

// Since reads what changed since the commit.
func (w *WorkTree) Since(ctx context.Context, then string) (Since, error) {
	s := Since{Root: w.root, Packages: w.packages, After: w.versions}
	var err error
	if s.Files, err = commit.Changed(ctx, w.root, then); err != nil {
		return s, err
	}
	s.Before, err = ReadVersions(func(name string) ([]byte, error) { return commit.File(ctx, w.root, then, name) }, w.modules...)
	return s, err
}
