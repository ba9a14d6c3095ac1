package scaffold

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Moved is what a function was, and is now.
type Moved struct {
	// Function is the one that was moved, as it was, and Image and Folder what they are now;
	// empty if it was removed.
	Function catalog.Function `json:"function"`
	Image    string           `json:"image,omitempty"`
	Folder   string           `json:"folder,omitempty"`
	// Files are those that changed, relative to the root, besides the folder itself.
	Files []string `json:"files"`
}

// Remove takes the function out of the workspace: its folder, its module in go.work, and its
// pattern in ci/pipeline.json.
func Remove(c *catalog.Catalog, f catalog.Function) (*Moved, error) {
	fail := func(err error) (*Moved, error) { return nil, fmt.Errorf("remove %s: %w", f.Folder, err) }
	if f.Folder == "." {
		return fail(errors.New("its folder is the whole workspace; remove its program and image.json by hand"))
	}
	for _, other := range c.Functions {
		if other.Image != f.Image && (catalog.Within(other.Folder, f.Folder) || catalog.Within(other.In(), f.Folder)) {
			return fail(fmt.Errorf("%s (%s) is in it; move that first", other.Image, other.Folder))
		}
	}
	m := &Moved{Function: f}
	// go.work goes first: with a folder that is gone, no go command works.
	if err := m.drop(c, f); err != nil {
		return fail(err)
	}
	changed, err := c.Place(f.Folder, false)
	if err != nil {
		return fail(err)
	}
	if changed {
		m.Files = append(m.Files, catalog.PipelineFile)
	}
	if err := os.RemoveAll(filepath.Join(c.Root, filepath.FromSlash(f.Folder))); err != nil {
		return fail(err)
	}
	return m, nil
}

// drop takes the modules in the folder of the function out of go.work.
func (m *Moved) drop(c *catalog.Catalog, f catalog.Function) error {
	return m.work(c, func(work *modfile.WorkFile) error {
		var errs []error
		for _, use := range slices.Clone(work.Use) {
			if catalog.Within(path.Clean(filepath.ToSlash(use.Path)), f.Folder) {
				errs = append(errs, work.DropUse(use.Path))
			}
		}
		return errors.Join(errs...)
	})
}

// work changes go.work, if there is one.
func (m *Moved) work(c *catalog.Catalog, change func(*modfile.WorkFile) error) error {
	if c.Alone {
		return nil
	}
	work, err := catalog.GoWork(c.Root)
	if err != nil {
		return err
	}
	before := modfile.Format(work.Syntax)
	if err := change(work); err != nil {
		return fmt.Errorf("change go.work: %w", err)
	}
	work.SortBlocks()
	work.Cleanup()
	after := modfile.Format(work.Syntax)
	if bytes.Equal(before, after) {
		return nil
	}
	m.Files = append(m.Files, "go.work")
	return cache.WriteFile(filepath.Join(c.Root, "go.work"), after)
}

// Rename gives the image of the function another name. Its folder gets it too, if it has the
// old one; then its module, its imports and go.work follow. The function in AWS keeps its name.
func Rename(c *catalog.Catalog, f catalog.Function, image string) (*Moved, error) {
	renamed := f
	renamed.Image, renamed.Folder = image, folderOf(f, image)
	others := *c
	others.Functions = c.Others(f)
	if image == f.Image {
		return nil, Refused{{Field: "image", Fix: fmt.Sprintf("%q is its name already", image)}}
	}
	problems, err := others.Admit(renamed)
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, Refused(problems)
	}
	m := &Moved{Function: f, Image: image, Folder: renamed.Folder}
	if renamed.Folder != f.Folder {
		if err := m.move(c, f, renamed.Folder); err != nil {
			return nil, fmt.Errorf("rename %s: %w", f.Folder, err)
		}
	}
	if err := setImage(filepath.Join(c.Root, filepath.FromSlash(renamed.Folder), catalog.DescriptionFile), image); err != nil {
		return nil, fmt.Errorf("rename %s: %w", f.Image, err)
	}
	return m, nil
}

// folderOf is the folder with the new name: the same if it does not have the old one.
func folderOf(f catalog.Function, image string) string {
	for _, end := range []string{"", "-lambda", "-function"} {
		if path.Base(f.Folder) == f.Image+end {
			return path.Join(path.Dir(f.Folder), image+end)
		}
	}
	return f.Folder
}

// move moves the folder of a function, and what names it.
func (m *Moved) move(c *catalog.Catalog, f catalog.Function, to string) error {
	target := filepath.Join(c.Root, filepath.FromSlash(to))
	if _, err := os.Lstat(target); err == nil {
		return fmt.Errorf("%s exists already; choose another name", to)
	}
	mod, err := catalog.GoMod(c.Root, path.Join(f.In(), "go.mod"))
	if err != nil {
		return err
	}
	// The import path of the folder, before and after.
	before := path.Join(mod.Module.Mod.Path, strings.TrimPrefix(strings.TrimPrefix(f.Folder, f.In()), "/"))
	after := path.Join(path.Dir(before), path.Base(to))
	own := f.In() == f.Folder && path.Base(before) == path.Base(f.Folder) // its module has its name
	if f.In() == f.Folder && !own {
		after = before
	}
	if err := os.Rename(filepath.Join(c.Root, filepath.FromSlash(f.Folder)), target); err != nil {
		return err
	}
	if before != after {
		if err := m.imports(c.Root, before, after); err != nil {
			return err
		}
	}
	if own {
		if err := setModule(c.Root, path.Join(to, "go.mod"), after); err != nil {
			return err
		}
	}
	if err := m.work(c, func(work *modfile.WorkFile) error {
		var errs []error
		for _, use := range slices.Clone(work.Use) {
			if at := path.Clean(filepath.ToSlash(use.Path)); catalog.Within(at, f.Folder) {
				errs = append(errs, work.DropUse(use.Path), work.AddUse("./"+path.Join(to, strings.TrimPrefix(at, f.Folder)), ""))
			}
		}
		return errors.Join(errs...)
	}); err != nil {
		return err
	}
	changed, err := c.Place(f.Folder, false)
	if err != nil {
		return err
	}
	placed, err := c.Place(to, true)
	if changed || placed {
		m.Files = append(m.Files, catalog.PipelineFile)
	}
	return err
}

// imports changes the import paths at or below one, in all Go files of the workspace.
func (m *Moved) imports(root, before, after string) error {
	imported := regexp.MustCompile(`"` + regexp.QuoteMeta(before) + `(["/])`)
	return filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && name != root && (strings.HasPrefix(d.Name(), ".") || slices.Contains([]string{"vendor", "node_modules", "dist"}, d.Name())):
			return fs.SkipDir
		case !d.Type().IsRegular() || filepath.Ext(name) != ".go":
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		changed := imported.ReplaceAll(content, []byte(`"`+after+`$1`))
		if bytes.Equal(content, changed) {
			return nil
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		m.Files = append(m.Files, filepath.ToSlash(rel))
		return cache.WriteFile(name, changed)
	})
}

// setModule changes the path of a module.
func setModule(root, name, module string) error {
	mod, err := catalog.GoMod(root, name)
	if err != nil {
		return err
	}
	if err := mod.AddModuleStmt(module); err != nil {
		return err
	}
	content, err := mod.Format()
	if err != nil {
		return err
	}
	return cache.WriteFile(filepath.Join(root, filepath.FromSlash(name)), content)
}

// imageField matches the field image of an image.json.
var imageField = regexp.MustCompile(`("image"\s*:\s*)"[^"]*"`)

// setImage changes the name of the image, and nothing else of the text.
func setImage(file, image string) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	at := imageField.FindSubmatchIndex(content)
	if at == nil {
		return fmt.Errorf("%s has no field image in plain text; write it there by hand", catalog.DescriptionFile)
	}
	changed := slices.Concat(content[:at[3]], []byte(`"`+image+`"`), content[at[1]:])
	return cache.WriteFile(file, changed)
}
