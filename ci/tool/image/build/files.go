package build

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Files returns the files that image.json of the function names, relative to the root, each
// by its path in the task root: the files below a folder that it names, too.
func Files(root string, f catalog.Function) (map[string]string, error) {
	all := map[string]string{}
	for to, from := range f.Copies() {
		if now := spelling(os.DirFS(root), from); now != "" && now != from {
			return nil, catalog.Problem{File: path.Join(f.Folder, catalog.DescriptionFile), Field: "files", Fix: fmt.Sprintf("%s does not exist, but %s does; write it like that", from, now)}
		}
		top := filepath.Join(root, filepath.FromSlash(from))
		err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(top, name)
			if err != nil {
				return err
			}
			source := path.Join(from, filepath.ToSlash(rel))
			if !d.Type().IsRegular() {
				return catalog.Problem{File: source, Fix: "is not a regular file; put the file itself here, or leave it out of files in " + path.Join(f.Folder, catalog.DescriptionFile)}
			}
			all[path.Join(to, filepath.ToSlash(rel))] = source
			return nil
		})
		if errors.Is(err, fs.ErrNotExist) {
			err = catalog.Problem{File: path.Join(f.Folder, catalog.DescriptionFile), Field: "files", Fix: from + " does not exist; correct it, or remove it"}
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// spelling returns how the folders spell a path that has other upper and lower case; "" if there is
// no such file. macOS and Windows would open it, and the image would have another name in it.
func spelling(root fs.FS, name string) string {
	at := "."
	for part := range strings.SplitSeq(name, "/") {
		entries, err := fs.ReadDir(root, at)
		if err != nil {
			return ""
		}
		is := func(same func(a, b string) bool) int {
			return slices.IndexFunc(entries, func(e fs.DirEntry) bool { return same(e.Name(), part) })
		}
		n := is(func(a, b string) bool { return a == b })
		if n < 0 {
			n = is(strings.EqualFold)
		}
		if n < 0 {
			return ""
		}
		at = path.Join(at, entries[n].Name())
	}
	return at
}

// FilesLayer returns the layer with the files that image.json of the function names, which it
// puts into the cache; nil if it names none.
func FilesLayer(c *cache.Cache, root string, f catalog.Function) (*layer.Layer, bool, error) {
	if len(f.Files) == 0 {
		return nil, false, nil
	}
	fail := func(err error) (*layer.Layer, bool, error) {
		return nil, false, fmt.Errorf("make the layer of files of %s: %w", f.Image, err)
	}
	sources, err := Files(root, f)
	if err != nil {
		return fail(err)
	}
	if len(sources) == 0 {
		return fail(catalog.Problem{File: path.Join(f.Folder, catalog.DescriptionFile), Field: "files", Fix: "names folders without a file; remove the field"})
	}
	var all []layer.File
	for _, to := range slices.Sorted(maps.Keys(sources)) {
		name := filepath.Join(root, filepath.FromSlash(sources[to]))
		info, err := os.Stat(name)
		if err != nil {
			return fail(err)
		}
		made, err := layer.Local(to, info.Mode(), name)
		if err != nil {
			return fail(err)
		}
		all = append(all, made)
	}
	files, comment := image.FilesLayer(all)
	made, reused, err := layer.Keep(c, files, comment)
	if err != nil {
		return fail(err)
	}
	return &made, reused, nil
}
