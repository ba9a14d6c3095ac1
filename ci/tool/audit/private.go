package audit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"

	"golang.org/x/mod/modfile"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/audit/fingerprint"
	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
	"lambdas.internal/ci/tool/workspace/scaffold"
)

// Private are the folders whose content must not become public.
type Private struct {
	Proprietary []string // those that ci/pipeline.json names
	Functions   []string // those of private functions
}

// Folders are all the folders.
func (p Private) Folders() []string { return slices.Concat(p.Proprietary, p.Functions) }

func private(c *catalog.Catalog) Private {
	p := Private{Proprietary: c.Pipeline.Proprietary.Folders()}
	for _, f := range c.Functions {
		if f.Registry == catalog.Private {
			p.Functions = append(p.Functions, f.Folder)
		}
	}
	return p
}

// ReadPrivate returns the fingerprint of all files below the private folders of the
// workspace at root, without the exceptions. If a proprietary folder is missing or empty,
// the fingerprint recognises nothing, and no public image passes.
func ReadPrivate(root string, private Private, except Exceptions) (*fingerprint.Fingerprint, error) {
	p := fingerprint.New()
	var all []folder
	for n, dir := range private.Folders() {
		folders, err := readFolders(root, dir)
		if err != nil {
			return nil, fmt.Errorf("read the private files: %w", err)
		}
		if n < len(private.Proprietary) && len(folders) == 0 {
			return p, nil
		}
		all = append(all, folders...)
	}
	// What is in a test too is that of the other file.
	for _, tests := range []bool{false, true} {
		for _, f := range all {
			p.Add(f.of(tests))
		}
	}
	for _, f := range all {
		if importPath := importPath(root, f.path); f.hasGo && importPath != "" {
			p.AddPackage(importPath, f.path)
		}
	}
	for _, dir := range except.Packages {
		folders, err := readFolders(root, dir)
		if err != nil {
			return nil, fmt.Errorf("read the packages that all may read: %w", err)
		}
		for _, f := range folders {
			files := f.of(false)
			for _, name := range slices.Sorted(maps.Keys(files)) {
				p.ForgetTests(p.Public(name, files[name]))
			}
		}
	}
	return p, except.apply(p)
}

// folder is one folder with the files in it, by their paths.
type folder struct {
	path  string
	files map[string][]byte
	hasGo bool
}

// of returns the tests, or the other files.
func (f folder) of(tests bool) map[string][]byte {
	files := map[string][]byte{}
	for name, content := range f.files {
		if strings.HasSuffix(name, "_test.go") == tests {
			files[name] = content
		}
	}
	return files
}

// readFolders reads all files below a folder. What a module requires is public.
func readFolders(root, dir string) ([]folder, error) {
	var all []folder
	err := filepath.WalkDir(filepath.Join(root, filepath.FromSlash(dir)), func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && dir == "." && name != filepath.Join(root, dir) {
			return fs.SkipDir // the function at the root is its files alone
		}
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file := filepath.ToSlash(rel)
		if base := path.Base(file); base == "go.mod" || base == "go.sum" {
			return nil
		}
		content, err := catalog.ReadFile(root, file)
		if err != nil {
			return err // a broken link too: it cannot be examined
		}
		at := slices.IndexFunc(all, func(f folder) bool { return f.path == path.Dir(file) })
		if at < 0 {
			at, all = len(all), append(all, folder{path: path.Dir(file), files: map[string][]byte{}})
		}
		all[at].files[file] = content
		all[at].hasGo = all[at].hasGo || strings.HasSuffix(file, ".go")
		return nil
	})
	if errors.Is(err, os.ErrNotExist) {
		err = nil
	}
	return all, err
}

// importPath returns the import path of the package in folder, from the nearest go.mod
// above it.
func importPath(root, folder string) string {
	for at := folder; ; at = path.Dir(at) {
		data, err := catalog.ReadFile(root, path.Join(at, "go.mod"))
		if err == nil {
			return path.Join(modfile.ModulePath(data), strings.TrimPrefix(folder, at))
		}
		if at == "." {
			return ""
		}
	}
}

// published are files that everybody has.
type published struct {
	files []string
	key   string // equal keys mean equal files
	// standard is the folder of the whole standard library; "" if no package is of it.
	standard string
}

// newPublished returns the files of the packages of the standard library and of public
// modules, with their licences.
func newPublished(packages []gobuild.Package) (published, error) {
	var p published
	parts := []string{"published 1"}
	seen := map[string]bool{}
	for _, pkg := range packages {
		if !pkg.Public {
			continue
		}
		for _, name := range pkg.Files() {
			p.files = append(p.files, filepath.Join(pkg.Dir, name))
		}
		top := strings.TrimSuffix(filepath.ToSlash(pkg.Dir), "src/"+pkg.ImportPath)
		version := ""
		if pkg.Standard {
			p.standard = filepath.Join(top, "src")
		}
		if pkg.Module != nil {
			top, version = pkg.Module.Dir, pkg.Module.Path+"@"+pkg.Module.Version
			if r := pkg.Module.Replace; r != nil {
				top, version = r.Dir, r.Path+"@"+r.Version
			}
		}
		parts = append(parts, pkg.ImportPath, version)
		if seen[top] {
			continue
		}
		seen[top] = true
		texts, err := licences(top)
		if err != nil {
			return p, err
		}
		for _, file := range texts {
			if path.Base(file) == "VERSION" { // of the standard library
				content, err := os.ReadFile(file)
				if err != nil {
					return p, fmt.Errorf("read the version of Go: %w", err)
				}
				parts = append(parts, string(content))
			}
		}
		p.files = append(p.files, texts...)
	}
	p.key = cache.Key(parts...)
	return p, nil
}

// whole returns the files of the whole standard library: a program in a base may have more
// of it than ours.
func (p published) whole() (published, error) {
	var all published
	if p.standard == "" {
		return all, nil
	}
	err := filepath.WalkDir(p.standard, func(name string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() && filepath.Ext(name) == ".go" {
			all.files = append(all.files, name)
		}
		return err
	})
	return all, err
}

// each calls look for each file, with its content.
func (p published) each(ctx context.Context, look func(file string, content []byte)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, file := range p.files {
		g.Go(func() error {
			if err := ctx.Err(); err != nil {
				return context.Cause(ctx)
			}
			content, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("read the sources of the binary: %w", err)
			}
			look(file, content)
			return nil
		})
	}
	return g.Wait()
}

// forget makes the fingerprint recognise nothing that everybody has, and nothing that
// every new function has.
func (a *Auditor) forget(ctx context.Context, f *fingerprint.Fingerprint, p published) error {
	for _, v := range []catalog.Variant{catalog.Light, catalog.Heavy} {
		made, err := scaffold.Render(catalog.Function{Variant: v})
		if err != nil {
			return err
		}
		for name, content := range made {
			f.Forget(f.Public(name, content))
			f.Forget(f.PublicCode(name, content))
		}
	}
	key := cache.Key("public windows 1", f.Digest(), p.key)
	var public fingerprint.Public
	if _, ok := a.cache.Load(key, &public); !ok {
		var err error
		if public, err = p.known(ctx, f.Public); err != nil {
			return err
		}
		if err := a.cache.Save(key, public); err != nil {
			return err
		}
	}
	f.Forget(public)
	return nil
}

// known returns what look recognises in the files.
func (p published) known(ctx context.Context, look func(name string, content []byte) fingerprint.Public) (all fingerprint.Public, err error) {
	var mu sync.Mutex
	err = p.each(ctx, func(file string, content []byte) {
		of := look(file, content)
		mu.Lock()
		defer mu.Unlock()
		for n := range all {
			all[n] = append(all[n], of[n]...)
		}
	})
	return all, err
}

// licences are the files in the top folder of a module that say who may use it.
func licences(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("read the licences of a module: %w", err)
	}
	var files []string
	for _, e := range entries {
		name, _, _ := strings.Cut(strings.ToUpper(e.Name()), ".")
		if e.Type().IsRegular() && slices.Contains([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "VERSION"}, name) {
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files, nil
}
