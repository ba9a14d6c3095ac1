package gobuild

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Package is one Go package that a binary is built from.
type Package struct {
	// ImportPath names the package; Imports name those that it imports.
	ImportPath string
	Imports    []string
	// ImportMap maps import paths in the source to the real ones, if they differ.
	ImportMap map[string]string
	// Dir is the package's folder.
	Dir string
	// GoFiles and EmbedFiles are the sources and embedded files, in Dir.
	GoFiles    []string
	EmbedFiles []string
	// Standard is true for a package of the standard library.
	Standard bool
}

// Packages returns every package that the functions' binaries are built from. It uses
// the tags, platform and environment of [Compile], so that it leaves out the same files.
func Packages(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform) ([]Package, error) {
	args := []string{"list", "-deps", "-json=ImportPath,Imports,ImportMap,Dir,GoFiles,EmbedFiles,Standard", "-tags=" + strings.Join(tags, ",")}
	for _, f := range functions {
		args = append(args, "./"+f.Folder)
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = c.Root
	cmd.Env = append(append(os.Environ(), environment(c, platform)...), "GOWORK="+filepath.Join(c.Root, "go.work"))
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return nil, fmt.Errorf("list the packages of the functions: %w\n%s", err, complaint(complaints.String()))
	}
	var packages []Package
	for d := json.NewDecoder(&out); ; {
		var p Package
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages, nil
		} else if err != nil {
			return nil, fmt.Errorf("list the packages of the functions: %w", err)
		}
		packages = append(packages, p)
	}
}

// Graph is the import graph of a workspace's functions.
type Graph struct {
	root     string
	packages map[string]Package
}

// NewGraph returns the import graph of packages in the workspace at root.
func NewGraph(root string, packages []Package) *Graph {
	g := &Graph{root: root, packages: map[string]Package{}}
	for _, p := range packages {
		g.packages[p.ImportPath] = p
	}
	return g
}

// Folder returns the package's folder relative to the root, slash-separated; empty if
// it is outside the workspace.
func (g *Graph) Folder(p Package) string {
	rel, err := filepath.Rel(g.root, p.Dir)
	if err != nil || p.Standard || !filepath.IsLocal(rel) {
		return ""
	}
	return filepath.ToSlash(rel)
}

// Reach returns the packages that the function's binary is built from, by distance, and
// for each the import path of the package that imports it on a shortest path.
func (g *Graph) Reach(f catalog.Function) (order []Package, from map[string]string) {
	from = map[string]string{}
	for path, p := range g.packages {
		if g.Folder(p) == f.Folder {
			order = append(order, p)
			from[path] = ""
		}
	}
	for n := 0; n < len(order); n++ {
		for _, imported := range order[n].Imports {
			if meant, ok := order[n].ImportMap[imported]; ok {
				imported = meant
			}
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
