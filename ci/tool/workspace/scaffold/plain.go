package scaffold

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"golang.org/x/mod/modfile"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// runtimeLibrary lets a Go program run in Lambda.
const runtimeLibrary = "github.com/aws/aws-lambda-go"

// own tells whether the workspace has the module shared, on which the templates build.
func own(c *catalog.Catalog) bool {
	mod, err := catalog.GoMod(c.Root, shared+"/go.mod")
	if err != nil { // what is there and cannot be read is an error where it is read
		return !errors.Is(err, fs.ErrNotExist)
	}
	return mod.Module != nil && mod.Module.Mod.Path == sharedPath
}

// Folder returns the folder of a new function: beside those that ci/pipeline.json names.
func Folder(c *catalog.Catalog, image string) string {
	if own(c) {
		return catalog.Dir + "/" + image + "-lambda"
	}
	for _, pattern := range c.Pipeline.Functions {
		if strings.HasPrefix(pattern, "!") || path.Base(pattern) != "*" || strings.ContainsAny(path.Dir(pattern), `*?[\`) {
			continue
		}
		return path.Join(path.Dir(pattern), image)
	}
	if len(c.Functions) == 0 {
		return catalog.Dir + "/" + image
	}
	return path.Join(path.Dir(c.Functions[0].Folder), image)
}

// moduleOf returns the folder of the module that has a folder; "" if none has.
func moduleOf(root, folder string) (string, error) {
	for at := folder; ; at = path.Dir(at) {
		_, err := os.Stat(filepath.Join(root, filepath.FromSlash(at), "go.mod"))
		switch {
		case err == nil:
			return at, nil
		case !errors.Is(err, fs.ErrNotExist):
			return "", err
		case at == ".":
			return "", nil
		}
	}
}

// plainModule writes go.mod and go.sum of a function that is a module of its own, with the
// versions of a module beside it.
func plainModule(ctx context.Context, c *catalog.Catalog, dir string, f catalog.Function) (whole bool, _ error) {
	fail := func(err error) (bool, error) { return false, fmt.Errorf("write %s/go.mod: %w", f.Folder, err) }
	for _, beside := range c.Functions {
		from, err := catalog.GoMod(c.Root, path.Join(beside.In(), "go.mod"))
		if err != nil {
			return fail(err)
		}
		for _, r := range from.Require {
			if r.Mod.Path != runtimeLibrary {
				continue
			}
			m := &modfile.File{}
			name := path.Base(f.Folder)
			if above := path.Dir(from.Module.Mod.Path); above != "." {
				name = path.Join(above, name)
			}
			if err := m.AddModuleStmt(name); err != nil {
				return fail(err)
			}
			if from.Go != nil {
				if err := m.AddGoStmt(from.Go.Version); err != nil {
					return fail(err)
				}
			}
			if err := m.AddRequire(r.Mod.Path, r.Mod.Version); err != nil {
				return fail(err)
			}
			content, err := m.Format()
			if err != nil {
				return fail(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "go.mod"), content, 0o644); err != nil {
				return fail(err)
			}
			sums, err := catalog.ReadFile(c.Root, path.Join(beside.In(), "go.sum"))
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return fail(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o644); err != nil {
				return fail(err)
			}
			if whole, err = tidy(ctx, dir); err != nil {
				return fail(err)
			}
			return whole, nil
		}
	}
	return fail(fmt.Errorf("no function of this workspace requires %s, whose version would be taken; make the folder by hand", runtimeLibrary))
}
