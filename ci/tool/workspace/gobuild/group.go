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

// merge adds packages to others. One that is in both gets the files and imports of both.
func merge(all, more []Package) []Package {
	if len(all) == 0 {
		return more
	}
	at := map[string]int{}
	for n, p := range all {
		at[p.ImportPath] = n
	}
	for _, p := range more {
		n, ok := at[p.ImportPath]
		if !ok || all[n].Dir != p.Dir {
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
