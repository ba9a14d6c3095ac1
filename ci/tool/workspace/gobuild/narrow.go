package gobuild

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Every go command reads the go.mod of all modules of the workspace; for a thousand
// functions that takes longer than to compile one. Most of them ask for the same: a module
// that requires what another one requires, and that nothing imports, adds nothing to the
// choice of versions (the maximum over all requirements). So go gets a go.work without it.

// worth is how many modules a go.work must leave out to be worth its writing.
const worth = 10

// narrow returns the modules of the workspace without those that make no difference to
// what the functions are built from, and the modules that it leaves out. It leaves out
// none where it cannot tell.
func (m modules) narrow(root string, functions []catalog.Function, r *reader) (kept modules, left []usedModule, err error) {
	if len(m.used) <= worth {
		return m, nil, nil
	}
	vendor, err := r.file(place(filepath.Join(root, "vendor")))
	if err != nil || vendor.state != missing || !m.plain() {
		return m, nil, err
	}
	named, err := sumPaths(root, sums)
	if err != nil {
		return m, nil, err
	}
	asked := map[string]bool{}
	for _, f := range functions {
		asked[f.Folder] = true
	}
	seen := map[string]bool{}
	for _, u := range m.used {
		sum := path.Join(u.folder, "go.sum")
		at, err := r.file(place(filepath.Join(root, sum)))
		if err != nil {
			return m, nil, err
		}
		// A folder in a replace is relative to the folder of its go.mod.
		like := path.Dir(u.folder) + "\n" + at.state + "\n" + u.rest
		if !asked[u.folder] && seen[like] && u.movable() {
			left = append(left, u)
			continue
		}
		seen[like] = true
		kept.used = append(kept.used, u)
		more, err := sumPaths(root, sum)
		if err != nil {
			return m, nil, err
		}
		named = append(append(named, more...), u.names()...)
	}
	slices.Sort(named)
	left = slices.DeleteFunc(left, func(u usedModule) bool {
		_, found := slices.BinarySearch(named, u.path)
		if found {
			kept.used = append(kept.used, u)
		}
		return found
	})
	if len(left) < worth {
		return m, nil, nil
	}
	kept.local = slices.DeleteFunc(slices.Clone(m.local), func(l localModule) bool {
		return !slices.ContainsFunc(kept.used, func(u usedModule) bool { return u.folder == l.folder })
	})
	return kept, left, nil
}

// plain tells whether every module that something replaces with a folder is one that
// go.work uses, under its own path, and no two have the same. The name of another folder
// would be in the binary, relative to the go.work.
func (m modules) plain() bool {
	paths := map[string]bool{}
	for _, u := range m.used {
		if paths[u.path] {
			return false
		}
		paths[u.path] = true
	}
	return !slices.ContainsFunc(m.elsewhere, func(path string) bool { return !paths[path] })
}

// movable tells whether the go.mod would ask for the same in a folder beside its own.
func (u usedModule) movable() bool {
	return u.folder != "." && module.CheckImportPath(u.path) == nil && !slices.ContainsFunc(u.mod.Replace, func(r *modfile.Replace) bool {
		return r.New.Version == "" && !strings.HasPrefix(r.New.Path, "../")
	})
}

// names are the paths of the modules that the go.mod names.
func (u usedModule) names() []string {
	var all []string
	for _, r := range u.mod.Require {
		all = append(all, r.Mod.Path)
	}
	for _, r := range u.mod.Replace {
		all = append(all, r.Old.Path, r.New.Path)
	}
	for _, e := range u.mod.Exclude {
		all = append(all, e.Mod.Path)
	}
	return all
}

// sumPaths are the paths of the modules in a file of checksums. Without a checksum no
// version of a module is used, so these are all that something in the workspace may require.
func sumPaths(root, name string) ([]string, error) {
	data, err := catalog.ReadFile(root, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []string
	for line := range bytes.Lines(data) {
		if fields := bytes.Fields(line); len(fields) > 0 {
			all = append(all, string(fields[0]))
		}
	}
	return all, nil
}

// within returns the command with a go.work that uses the modules only, and a function that
// removes it. It is not ok if the go.work means another thing in another folder.
func (in command) within(used []usedModule) (narrow command, remove func(), ok bool, err error) {
	work, err := catalog.GoWork(in.root)
	if err != nil {
		return in, nil, false, err
	}
	if slices.ContainsFunc(work.Replace, func(r *modfile.Replace) bool { return r.New.Version == "" }) {
		return in, nil, false, nil
	}
	var uses []*modfile.Use
	for _, u := range used {
		uses = append(uses, &modfile.Use{Path: filepath.Join(in.root, filepath.FromSlash(u.folder))})
	}
	work.SetUse(uses)
	work.Cleanup()
	dir, err := os.MkdirTemp("", "go-work-")
	if err != nil {
		return in, nil, false, fmt.Errorf("write a go.work: %w", err)
	}
	remove = func() { os.RemoveAll(dir) }
	narrow = in
	narrow.work = filepath.Join(dir, "go.work")
	err = os.WriteFile(narrow.work, modfile.Format(work.Syntax), 0o644)
	checksums, missing := catalog.ReadFile(in.root, sums)
	if err == nil && missing == nil {
		err = os.WriteFile(narrow.work+".sum", checksums, 0o644)
	}
	if err != nil {
		remove()
		return in, nil, false, fmt.Errorf("write a go.work: %w", err)
	}
	return narrow, remove, true, nil
}

// touches tells whether a package is, or might be, in one of the modules.
func touches(packages []Package, left []usedModule) bool {
	paths := map[string]bool{}
	for _, u := range left {
		paths[u.path] = true
	}
	for _, p := range packages {
		for at := p.ImportPath; at != "."; at = path.Dir(at) {
			if paths[at] {
				return true
			}
		}
	}
	return false
}

// keep takes over what another reader finds in the module files of modules.
func (r *reader) keep(read *reader, root string, left []usedModule) error {
	for _, u := range left {
		for _, name := range []string{"go.mod", "go.sum"} {
			at, err := read.file(place(filepath.Join(root, filepath.FromSlash(u.folder), name)))
			if err != nil {
				return err
			}
			r.files[at.name] = at
		}
	}
	if read.newest.After(r.newest) {
		r.newest = read.newest
	}
	return nil
}
