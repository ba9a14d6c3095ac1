package gobuild

import (
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/mod/modfile"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// source describes what one function is built from.
type source struct {
	key     string // equal keys mean equal binaries
	modules []localModule
}

// sources returns what each function is built from. Its content key covers the
// function's module, the local modules that its go.mod replaces with folders, every
// go.mod of the workspace (together they decide the versions), the flags and the
// environment. A folder that several functions use is read once.
func sources(c *catalog.Catalog, functions []catalog.Function, env []string) ([]source, error) {
	work, err := catalog.GoWork(c.Root)
	if err != nil {
		return nil, err
	}
	versions, err := moduleFiles(c.Root, work)
	if err != nil {
		return nil, err
	}
	common := append([]string{strings.Join(flags, " "), strings.Join(env, " ")}, versions...)

	digests := map[string]string{}
	all := make([]source, len(functions))
	for i, f := range functions {
		modules, err := localModules(c.Root, work, f.Folder)
		if err != nil {
			return nil, err
		}
		parts := slices.Clone(common)
		for _, m := range modules {
			digest, ok := digests[m.folder]
			if !ok {
				if digest, err = sourceDigest(filepath.Join(c.Root, m.folder)); err != nil {
					return nil, err
				}
				digests[m.folder] = digest
			}
			parts = append(parts, m.folder, digest)
		}
		all[i] = source{key: cache.Key(parts...), modules: modules}
	}
	return all, nil
}

// Keys returns each function's content key: equal keys mean equal sources, versions,
// flags and toolchain.
func Keys(c *catalog.Catalog, functions []catalog.Function, platform v1.Platform) ([]string, error) {
	from, err := sources(c, functions, environment(c, platform))
	if err != nil {
		return nil, fmt.Errorf("read the sources: %w", err)
	}
	keys := make([]string, len(from))
	for i, s := range from {
		keys[i] = s.key
	}
	return keys, nil
}

// moduleFiles returns the content of go.work, of go.work.sum and of the go.mod of each
// module in the workspace: each of these modules affects the versions of the others.
func moduleFiles(root string, work *modfile.WorkFile) ([]string, error) {
	names := []string{"go.work", "go.work.sum"}
	for _, use := range work.Use {
		names = append(names, path.Join(use.Path, "go.mod"))
	}
	var parts []string
	for _, name := range names {
		data, err := os.ReadFile(filepath.Join(root, name))
		if err != nil && !os.IsNotExist(err) {
			return nil, err
		}
		parts = append(parts, name, string(data))
	}
	return parts, nil
}

// localModule is a module whose sources are in the workspace.
type localModule struct {
	path   string // as go.mod names it
	folder string // relative to the root
}

// localModules returns the module in folder, and all modules that it or go.work
// replaces, directly or not, with a folder.
func localModules(root string, work *modfile.WorkFile, folder string) ([]localModule, error) {
	modules := []localModule{{folder: filepath.Clean(folder)}}
	add := func(file string, replaced []*modfile.Replace) error {
		for _, r := range replaced {
			if r.New.Version != "" {
				continue
			}
			problem := catalog.Problem{File: file, Field: "replace " + r.Old.Path}
			if filepath.IsAbs(r.New.Path) {
				problem.Fix = fmt.Sprintf("%s is an absolute path; name a folder of the workspace", r.New.Path)
				return problem
			}
			next := filepath.Join(path.Dir(file), filepath.FromSlash(r.New.Path))
			if _, err := os.Stat(filepath.Join(root, next, "go.mod")); err != nil {
				problem.Fix = fmt.Sprintf("%s has no go.mod; name the folder of the module", r.New.Path)
				return problem
			}
			if !slices.ContainsFunc(modules, func(m localModule) bool { return m.folder == next }) {
				modules = append(modules, localModule{folder: next})
			}
		}
		return nil
	}
	if err := add("go.work", work.Replace); err != nil {
		return nil, err
	}
	for n := 0; n < len(modules); n++ {
		name := filepath.ToSlash(filepath.Join(modules[n].folder, "go.mod"))
		mod, err := catalog.GoMod(root, name)
		if err != nil {
			return nil, err
		}
		if mod.Module == nil {
			return nil, catalog.Problem{File: name, Field: "module", Fix: "is missing; write it in the first line"}
		}
		modules[n].path = mod.Module.Mod.Path
		if err := add(name, mod.Replace); err != nil {
			return nil, err
		}
	}
	return modules, nil
}

// checkModules makes sure that the content key covers everything that the binary was
// built from: in a workspace, a module can import one that its go.mod does not name.
func checkModules(binary string, f catalog.Function, modules []localModule) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("read what %s was built from: %w", f.Image, err)
	}
	for _, dep := range info.Deps {
		known := slices.ContainsFunc(modules, func(m localModule) bool { return m.path == dep.Path })
		local := dep.Version == "(devel)" || dep.Replace != nil && dep.Replace.Version == "(devel)"
		if local && !known {
			return catalog.Problem{File: f.Folder + "/go.mod", Field: "replace",
				Fix: fmt.Sprintf("does not name %s, which the function imports; require it and replace it by its folder", dep.Path)}
		}
	}
	return nil
}

// sourceDigest returns one digest of the names and contents of all files below dir
// that can be part of a binary.
func sourceDigest(dir string) (string, error) {
	h := sha256.New()
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && d.Name() == ".git":
			return filepath.SkipDir
		case d.IsDir(), strings.HasSuffix(name, "_test.go"):
			return nil
		}
		rel, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		data, err := os.ReadFile(name)
		if err != nil && d.Type().IsRegular() {
			return err // a broken link is not a source
		}
		fmt.Fprintf(h, "%s\x00%d\x00%x", filepath.ToSlash(rel), len(data), sha256.Sum256(data))
		return nil
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
