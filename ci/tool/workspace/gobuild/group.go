package gobuild

import (
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// group are functions that one go command can build: with the same tags and flags, into
// one folder, and of one module if there is no go.work.
type group struct {
	in        command
	functions []catalog.Function
	at        []int // their places in the list of all
}

// groups divides the functions. A platform without an architecture stands for that of each
// function.
func groups(c *catalog.Catalog, functions []catalog.Function, platform v1.Platform) []group {
	var all []group
	seen := map[string]int{}
	for n, f := range functions {
		in := unread(c, f, platform)
		key := strings.Join(slices.Concat([]string{in.module, path.Dir(f.Program)}, in.flags, in.fixed), "\x00")
		at, ok := seen[key]
		if !ok {
			at = len(all)
			seen[key] = at
			all = append(all, group{in: in})
		}
		all[at].functions = append(all[at].functions, f)
		all[at].at = append(all[at].at, n)
	}
	return all
}

// merge adds the packages of a module to others. One that is in both gets the files and
// imports of both. Where no go.work joins the modules, one import path can be that of
// different packages: then those of the module, and what imports them, get its folder in
// their path.
func merge(all, more []Package, module string) []Package {
	if len(all) == 0 {
		return more
	}
	at := map[string]int{}
	for n, p := range all {
		at[p.ImportPath] = n
	}
	others := map[string]bool{}
	for _, p := range more {
		if n, ok := at[p.ImportPath]; ok && all[n].Dir != p.Dir {
			others[p.ImportPath] = true
		}
	}
	for grown := len(others) > 0; grown; {
		grown = false
		for _, p := range more {
			if !others[p.ImportPath] && slices.ContainsFunc(p.Imports, func(i string) bool { return others[p.meant(i)] }) {
				others[p.ImportPath], grown = true, true
			}
		}
	}
	for _, p := range more {
		if others[p.ImportPath] {
			all = append(all, p.of(module, others))
			continue
		}
		n, ok := at[p.ImportPath]
		if !ok {
			all = append(all, p)
			continue
		}
		into := &all[n]
		for to, from := range map[*[]string][]string{
			&into.Imports: p.Imports, &into.GoFiles: p.GoFiles, &into.EmbedFiles: p.EmbedFiles, &into.EmbedPatterns: p.EmbedPatterns,
			&into.SFiles: p.SFiles, &into.HFiles: p.HFiles, &into.CFiles: p.CFiles, &into.CXXFiles: p.CXXFiles, &into.MFiles: p.MFiles,
			&into.FFiles: p.FFiles, &into.SwigFiles: p.SwigFiles, &into.SwigCXXFiles: p.SwigCXXFiles, &into.SysoFiles: p.SysoFiles,
		} {
			for _, name := range from {
				if !slices.Contains(*to, name) {
					*to = append(*to, name)
				}
			}
		}
		for name, real := range p.Real {
			if into.Real == nil {
				into.Real = map[string]string{}
			}
			into.Real[name] = real
		}
		into.Public = into.Public && p.Public
		into.Local = into.Local || p.Local
	}
	return all
}

// meant is the import path that an import in the source means.
func (p Package) meant(imported string) string {
	if meant, ok := p.ImportMap[imported]; ok {
		return meant
	}
	return imported
}

// of returns the package under a path that no package of another module has. It imports the
// others in the same way.
func (p Package) of(module string, others map[string]bool) Package {
	within := func(path string) string { return path + "@" + module }
	mapped := map[string]string{}
	for _, imported := range p.Imports {
		mapped[imported] = p.meant(imported)
		if others[mapped[imported]] {
			mapped[imported] = within(mapped[imported])
		}
	}
	p.ImportPath, p.ImportMap = within(p.ImportPath), mapped
	return p
}
