// Package change says why the image of a function is another one than at an earlier
// commit: which of the files that its binary is made from changed, which modules,
// and what the images start from. It reads nothing by itself.
package change

import (
	"fmt"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// maxShown bounds how many files and versions a text names.
const maxShown = 3

// Bump is a version that changed.
type Bump struct {
	// What is a module, the toolchain, the base or ffmpeg.
	What   string `json:"what"`
	Before string `json:"before"`
	After  string `json:"after"`
}

func (b Bump) String() string {
	switch {
	case b.Before == "":
		return b.What + " " + b.After + " is new"
	case b.After == "":
		return b.What + " " + b.Before + " is gone"
	default:
		return fmt.Sprintf("%s %s -> %s", b.What, b.Before, b.After)
	}
}

// Reason is why the image of one function changed.
type Reason struct {
	// Files are those that its binary is made from and that changed, relative to the
	// workspace.
	Files []string `json:"files,omitempty"`
	Bumps []Bump   `json:"bumps,omitempty"`
}

// None tells whether nothing was found.
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

// Since is what is known of the workspace now, and of what changed since a commit.
type Since struct {
	// Root is the folder of the workspace, and Packages what its binaries are made
	// from.
	Root     string
	Packages []gobuild.Package
	// Files are those that changed, slash-separated and relative to Root.
	Files []string
	// Before and After are the versions then and now.
	Before, After Versions
}

// Of returns why the function's image changed.
func (s Since) Of(f catalog.Function) Reason {
	var r Reason
	reached := s.reach(f)
	folders := map[string]gobuild.Package{}
	sources := map[string]bool{f.Folder + "/" + catalog.DescriptionFile: true}
	for _, p := range reached {
		folder, ok := s.folder(p)
		if !ok {
			continue
		}
		folders[folder] = p
		for _, file := range slices.Concat(p.GoFiles, p.EmbedFiles) {
			sources[path.Join(folder, filepath.ToSlash(file))] = true
		}
	}
	present := map[string]bool{}
	for _, p := range s.Packages {
		if folder, ok := s.folder(p); ok {
			for _, file := range slices.Concat(p.GoFiles, p.EmbedFiles) {
				present[path.Join(folder, filepath.ToSlash(file))] = true
			}
		}
	}
	for _, file := range s.Files {
		if sources[file] || !present[file] && wasSource(file, folders) {
			r.Files = append(r.Files, file)
		}
	}
	slices.Sort(r.Files)
	r.Files = slices.Compact(r.Files)
	r.Bumps = s.bumps(f, reached)
	return r
}

// wasSource tells whether a file that no package has now may have been one of a
// package in one of the folders: Go code, or below a package that embeds files.
func wasSource(file string, folders map[string]gobuild.Package) bool {
	if strings.HasSuffix(file, ".go") {
		_, ok := folders[path.Dir(file)]
		return ok && !strings.HasSuffix(file, "_test.go")
	}
	for folder, p := range folders {
		for _, embedded := range p.EmbedFiles {
			// An embedded folder that lost a file has others still, or their kind.
			if at := path.Dir(path.Join(folder, filepath.ToSlash(embedded))); at == path.Dir(file) && path.Ext(file) == path.Ext(embedded) {
				return true
			}
		}
	}
	return false
}

// folder returns the package's folder in the workspace.
func (s Since) folder(p gobuild.Package) (string, bool) {
	if p.Standard {
		return "", false
	}
	rel, err := filepath.Rel(s.Root, p.Dir)
	return filepath.ToSlash(rel), err == nil && filepath.IsLocal(rel)
}

// reach returns the packages that the function's binary is made from.
func (s Since) reach(f catalog.Function) []gobuild.Package {
	byPath := map[string]gobuild.Package{}
	var order []gobuild.Package
	for _, p := range s.Packages {
		byPath[p.ImportPath] = p
		if folder, ok := s.folder(p); ok && folder == f.Folder {
			order = append(order, p)
		}
	}
	seen := map[string]bool{}
	for n := 0; n < len(order); n++ {
		for _, imported := range order[n].Imports {
			if meant, ok := order[n].ImportMap[imported]; ok {
				imported = meant
			}
			if p, ok := byPath[imported]; ok && !seen[imported] {
				seen[imported] = true
				order = append(order, p)
			}
		}
	}
	return order
}
