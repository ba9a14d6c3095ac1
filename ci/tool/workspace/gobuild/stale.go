package gobuild

import (
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Stale tells of each function whether what it is built from changed since [Compile] put its
// binary into dir. Such a binary may be the same again.
func Stale(c *catalog.Catalog, functions []catalog.Function, platform v1.Platform, dir string) ([]bool, error) {
	stale := make([]bool, len(functions))
	r := newReader(os.DirFS("/"))
	for _, of := range groups(c, functions, platform) {
		b := build{c: c, platform: platform, in: of.in, dir: dir}
		m, err := readModules(c, b.in)
		if err != nil {
			return nil, err
		}
		notes := b.notes(of.functions)
		current, err := b.current(notes, m, r)
		if err != nil {
			return nil, err
		}
		for n, at := range of.at {
			stale[at] = notes[n].Digest == "" || notes[n].Fingerprint != current[n]
		}
	}
	return stale, nil
}

// Folders returns the folders of the modules that the functions are built from and that are
// not in the module cache: absolute, and none in another.
func Folders(c *catalog.Catalog, functions []catalog.Function) ([]string, error) {
	all := []string{c.Root}
	for _, of := range groups(c, functions, v1.Platform{OS: "linux"}) {
		m, err := readModules(c, of.in)
		if err != nil {
			return nil, err
		}
		for _, l := range m.local {
			all = append(all, filepath.Join(c.Root, filepath.FromSlash(l.folder)))
		}
	}
	slices.Sort(all)
	var tops []string
	for _, folder := range slices.Compact(all) {
		if n := len(tops); n == 0 || !catalog.Within(filepath.ToSlash(folder), filepath.ToSlash(tops[n-1])) {
			tops = append(tops, folder)
		}
	}
	return tops, nil
}
