package gobuild

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// sums is the file in which a workspace records checksums that no go.sum has.
const sums = "go.work.sum"

// localModule is a module whose source is in a folder, not in the module cache.
type localModule struct {
	path   string // with which its packages are imported
	folder string // relative to the root, slash-separated
}

// modules are the module files of a workspace. Together they choose the version of every
// module, and the folder of every module that has none.
type modules struct {
	files []string // relative to the root; a file may be missing
	local []localModule
	used  []usedModule
	// elsewhere are the paths of modules that something replaces with a folder.
	elsewhere []string
}

// usedModule is a module that go.work uses.
type usedModule struct {
	path, folder string
	mod          *modfile.File
	rest         string // the go.mod without the module's path
}

// readModules reads which modules the workspace has: those that go.work uses, and those
// that it or one of them replaces with a folder.
func readModules(c *catalog.Catalog, in command) (modules, error) {
	if in.work == "" {
		return readModule(c.Root, in.module)
	}
	work, err := catalog.GoWork(c.Root)
	if err != nil {
		return modules{}, err
	}
	m := modules{files: []string{"go.work", sums, "vendor", "vendor/modules.txt"}}
	if err := m.replaced(c.Root, "go.work", work.Replace); err != nil {
		return modules{}, err
	}
	for _, use := range work.Use {
		folder := path.Clean(filepath.ToSlash(use.Path))
		mod, rest, err := m.add(c.Root, folder, "")
		if err != nil {
			return modules{}, err
		}
		m.used = append(m.used, usedModule{mod.Module.Mod.Path, folder, mod, rest})
		m.files = append(m.files, path.Join(folder, "go.sum"))
		if err := m.replaced(c.Root, path.Join(folder, "go.mod"), mod.Replace); err != nil {
			return modules{}, err
		}
	}
	slices.Sort(m.files)
	m.files = slices.Compact(m.files)
	return m, nil
}

// readModule reads a module that no go.work uses, and those that it replaces with a folder.
func readModule(root, folder string) (modules, error) {
	var m modules
	mod, rest, err := m.add(root, folder, "")
	if err != nil {
		return modules{}, err
	}
	for _, name := range []string{"go.sum", "vendor", "vendor/modules.txt"} {
		m.files = append(m.files, path.Join(folder, name))
	}
	m.used = []usedModule{{mod.Module.Mod.Path, folder, mod, rest}}
	if err := m.replaced(root, path.Join(folder, "go.mod"), mod.Replace); err != nil {
		return modules{}, err
	}
	slices.Sort(m.files)
	return m, nil
}

// add adds the module in a folder, with the path under which it is imported if that is
// not its own. It returns the go.mod, and its text without the module's path.
func (m *modules) add(root, folder, imported string) (mod *modfile.File, rest string, err error) {
	name := path.Join(folder, "go.mod")
	data, err := catalog.ReadFile(root, name)
	if err != nil {
		return nil, "", err
	}
	if mod, err = modfile.Parse(name, data, nil); err != nil {
		return nil, "", err
	}
	if mod.Module == nil {
		return nil, "", catalog.Problem{File: name, Field: "module", Fix: "is missing; write it in the first line"}
	}
	m.files = append(m.files, name)
	m.local = append(m.local, localModule{path: cmp.Or(imported, mod.Module.Mod.Path), folder: folder})
	line := mod.Module.Syntax
	return mod, string(data[:line.Start.Byte]) + string(data[line.End.Byte:]), nil
}

// replaced adds the modules that the file replaces with a folder.
func (m *modules) replaced(root, file string, all []*modfile.Replace) error {
	for _, r := range all {
		if r.New.Version != "" {
			continue
		}
		problem := catalog.Problem{File: file, Field: "replace " + r.Old.Path}
		if filepath.IsAbs(r.New.Path) {
			problem.Fix = fmt.Sprintf("%s is an absolute path; name a folder of the workspace", r.New.Path)
			return problem
		}
		m.elsewhere = append(m.elsewhere, r.Old.Path)
		folder := path.Join(path.Dir(file), filepath.ToSlash(r.New.Path))
		if slices.ContainsFunc(m.local, func(l localModule) bool { return l.folder == folder }) {
			continue
		}
		if _, err := os.Stat(filepath.Join(root, folder, "go.mod")); err != nil {
			problem.Fix = fmt.Sprintf("%s has no go.mod; name the folder of the module", r.New.Path)
			return problem
		}
		if _, _, err := m.add(root, folder, r.Old.Path); err != nil {
			return err
		}
	}
	return nil
}

// pinned runs a go command, which must not write checksums: what go.sum does not pin is
// not built. In a workspace, go adds them to go.work.sum even with -mod=readonly; that
// file is put back.
func pinned(in command, run func() error) error {
	if in.work == "" {
		return run() // what go.sum does not have is an error
	}
	file := in.work + ".sum"
	before, err := os.ReadFile(file)
	missing := errors.Is(err, fs.ErrNotExist)
	if err != nil && !missing {
		return err
	}
	failed := run()
	after, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) || err == nil && bytes.Equal(before, after) {
		return failed
	}
	if err != nil {
		return err
	}
	if missing {
		err = os.Remove(file)
	} else {
		err = os.WriteFile(file, before, 0o644)
	}
	return errors.Join(failed, err, unpinned(in.root, before, after))
}

// unpinned is the error for the checksums that go added to go.work.sum.
func unpinned(root string, before, after []byte) error {
	var module, version string
	for line := range strings.Lines(string(after)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && !bytes.Contains(before, []byte(line)) {
			module, version = fields[0], strings.TrimSuffix(fields[1], "/go.mod")
			break
		}
	}
	file, command := sums, "go mod download"
	if folder := requiring(root, module, version); folder != "" {
		file, command = folder+"/go.sum", "go -C "+folder+" mod tidy"
	}
	return catalog.Problem{File: file, Field: module + " " + version,
		Fix: "has no checksum, so nothing says what it must contain; record it with `" + command + "`, and commit the file"}
}

// requiring returns the folder of a module that requires the version.
func requiring(root, module, version string) string {
	work, err := catalog.GoWork(root)
	if err != nil {
		return ""
	}
	for _, use := range work.Use {
		folder := path.Clean(filepath.ToSlash(use.Path))
		mod, err := catalog.GoMod(root, path.Join(folder, "go.mod"))
		if err != nil {
			continue
		}
		for _, r := range mod.Require {
			if r.Mod.Path == module && r.Mod.Version == version {
				return folder
			}
		}
	}
	return ""
}
