package gobuild

import (
	"path/filepath"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Graph is the import graph of a workspace's functions.
type Graph struct {
	root     string
	packages map[string]Package
	folders  map[string][]string // import paths by folder
}

// NewGraph returns the import graph of packages in the workspace at root.
func NewGraph(root string, packages []Package) *Graph {
	g := &Graph{root: root, packages: map[string]Package{}, folders: map[string][]string{}}
	for _, p := range packages {
		g.packages[p.ImportPath] = p
		if folder := g.Folder(p); folder != "" {
			g.folders[folder] = append(g.folders[folder], p.ImportPath)
		}
	}
	return g
}

// Folder returns the package's folder relative to the root, slash-separated; empty if
// it is outside the workspace.
func (g *Graph) Folder(p Package) string {
	return g.place(p, p.Dir)
}

// File returns where a file of the package really is, relative to the root and
// slash-separated; empty if it is outside the workspace.
func (g *Graph) File(p Package, name string) string {
	at, ok := p.Real[name]
	if !ok {
		at = filepath.Join(p.Dir, name)
	}
	return g.place(p, at)
}

// place returns a path of the package relative to the root; empty if it is outside.
func (g *Graph) place(p Package, at string) string {
	rel, err := filepath.Rel(g.root, at)
	if err != nil || p.Standard || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// Reach returns the packages that the function's binary is built from, by distance, and
// for each the import path of the package that imports it on a shortest path.
func (g *Graph) Reach(f catalog.Function) (order []Package, from map[string]string) {
	from = map[string]string{}
	for _, path := range g.folders[f.Main()] {
		order = append(order, g.packages[path])
		from[path] = ""
	}
	for n := 0; n < len(order); n++ {
		for _, imported := range order[n].Imports {
			imported = order[n].meant(imported)
			p, ok := g.packages[imported]
			if _, seen := from[imported]; seen || !ok {
				continue
			}
			from[imported] = order[n].ImportPath
			order = append(order, p)
		}
	}
	return order, from
}
