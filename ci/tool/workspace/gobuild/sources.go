package gobuild

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Sources are what functions are built from, as the go command reads it.
type Sources struct {
	root    string
	modules modules
	of      []source
}

// source is what one function is built from.
type source struct {
	reached []Package
	inputs  Inputs
	key     string // equal keys mean equal binaries
	err     error  // why it cannot be built
}

// Discover asks the go command what the functions are built from.
func Discover(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform) (*Sources, error) {
	all := &Sources{root: c.Root, of: make([]source, len(functions))}
	for _, of := range groups(c, functions, platform) {
		s, err := discover(ctx, c, of)
		if err != nil {
			return nil, err
		}
		all.modules.files = append(all.modules.files, s.modules.files...)
		for n, at := range of.at {
			all.of[at] = s.of[n]
		}
	}
	return all, nil
}

// discover is [Discover] for functions that are built in the same way.
func discover(ctx context.Context, c *catalog.Catalog, of group) (*Sources, error) {
	in, functions := of.in, of.functions
	if err := in.readUser(ctx); err != nil {
		return nil, err
	}
	m, err := readModules(c, in)
	if err != nil {
		return nil, err
	}
	if err := checkFiles(c.Root, m); err != nil {
		return nil, err
	}
	packages, err := listed(ctx, in, m, functions)
	if err != nil {
		return nil, err
	}
	return describe(c, in, m, packages, functions, newReader(os.DirFS("/")))
}

// describe returns what functions are built from, of what the go command lists.
func describe(c *catalog.Catalog, in command, m modules, packages []Package, functions []catalog.Function, r *reader) (*Sources, error) {
	var err error
	s := &Sources{root: c.Root, modules: m, of: make([]source, len(functions))}
	graph := NewGraph(c.Root, packages)
	moduleCache := in.value("GOMODCACHE")
	for n, f := range functions {
		reached, _ := graph.Reach(f)
		of := &s.of[n]
		of.reached = reached
		if of.err = check(f, reached); of.err != nil {
			continue
		}
		of.inputs = inputs(c.Root, m, reached, moduleCache)
		if of.key, err = contentKey(r, in, f, reached, moduleCache); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// Keys are the content keys of the functions, in their order. Equal keys mean equal
// binaries, on any machine and in any folder.
func (s *Sources) Keys() ([]string, error) {
	keys := make([]string, len(s.of))
	for n, of := range s.of {
		if of.err != nil {
			return nil, of.err
		}
		keys[n] = of.key
	}
	return keys, nil
}

// local tells whether the package's source is in a folder that can change: not in the
// standard library, and not in the module cache.
func local(p Package, moduleCache string) bool {
	return !p.Standard && !strings.HasPrefix(p.Dir, moduleCache+string(filepath.Separator))
}

// inputs returns where the go command looks for the packages.
func inputs(root string, m modules, reached []Package, moduleCache string) Inputs {
	var in Inputs
	for _, p := range reached {
		if p.Standard {
			continue
		}
		at := place(p.Dir)
		if local(p, moduleCache) {
			in.Folders = append(in.Folders, at)
			for _, pattern := range p.EmbedPatterns {
				in.Embeds = append(in.Embeds, Embed{at, pattern})
			}
		}
		for _, l := range m.local {
			rest, ok := within(p.ImportPath, l.path)
			if !ok {
				continue
			}
			// The package is here, or would be if somebody adds it, unless a folder above
			// it becomes a module of its own.
			base := place(filepath.Join(root, filepath.FromSlash(l.folder)))
			in.Folders = append(in.Folders, path.Join(base, rest))
			for _, dir := range between(base, path.Join(base, rest)) {
				in.Files = append(in.Files, path.Join(dir, "go.mod"))
			}
		}
	}
	slices.Sort(in.Folders)
	slices.Sort(in.Files)
	in.Folders, in.Files = slices.Compact(in.Folders), slices.Compact(in.Files)
	return in
}

// place returns the name of an absolute path in os.DirFS("/").
func place(name string) string { return strings.TrimPrefix(filepath.ToSlash(name), "/") }

// contentKey returns the content key of a function: it covers every byte that the
// compiler and the linker read, and nothing else.
func contentKey(r *reader, in command, f catalog.Function, reached []Package, moduleCache string) (string, error) {
	parts := slices.Concat([]string{"binary 2"}, in.flags, in.fixed, []string{reached[0].DefaultGODEBUG})
	at, err := r.file(path.Join(place(reached[0].Dir), profile))
	if err != nil {
		return "", err
	}
	parts = append(parts, at.state)
	reached = slices.SortedFunc(slices.Values(reached), func(a, b Package) int { return strings.Compare(a.ImportPath, b.ImportPath) })
	for _, p := range reached {
		if p.Standard {
			continue
		}
		parts = append(parts, p.ImportPath)
		for m := p.Module; m != nil; m = m.Replace {
			parts = append(parts, m.Path, m.Version, m.GoVersion, m.Sum)
		}
		if !local(p, moduleCache) {
			continue
		}
		for _, name := range p.Files() {
			at, err := r.file(path.Join(place(p.Dir), filepath.ToSlash(name)))
			if err != nil {
				return "", fmt.Errorf("read the sources of %s: %w", f.Image, err)
			}
			parts = append(parts, filepath.ToSlash(name), at.state)
		}
	}
	return cache.Key(parts...), nil
}

// common returns one digest of what every function depends on: flags, environment,
// the go command, and the module files.
func common(r *reader, m modules, in command) (string, error) {
	parts := slices.Concat(in.flags, in.fixed)
	if name, err := exec.LookPath("go"); err == nil {
		if info, err := os.Stat(name); err == nil {
			parts = append(parts, name, info.ModTime().String(), fmt.Sprint(info.Size()))
		}
	}
	digest, err := r.fingerprint(m.inputs(in.root), os.Getenv("GOROOT"))
	return cache.Key(append(parts, digest)...), err
}

// inputs returns the places of the module files.
func (m modules) inputs(root string) Inputs {
	var in Inputs
	for _, name := range m.files {
		in.Files = append(in.Files, place(filepath.Join(root, filepath.FromSlash(name))))
	}
	return in
}

// read returns the fingerprint of each function's sources.
func (s *Sources) read(r *reader, in command) ([]string, error) {
	shared, err := common(r, s.modules, in)
	if err != nil {
		return nil, err
	}
	prints := make([]string, len(s.of))
	for n, of := range s.of {
		if prints[n], err = r.fingerprint(of.inputs, shared); err != nil {
			return nil, err
		}
	}
	return prints, nil
}

// Read returns the state of every file that decides what the images are, at the places
// where the go command looks for sources, and of others, relative to the root. It leaves
// out tests, which are in no binary.
func (s *Sources) Read(fsys fs.FS, others ...string) (map[string]string, error) {
	all := []Inputs{s.modules.inputs(s.root), modules{files: others}.inputs(s.root)}
	for _, of := range s.of {
		all = append(all, of.inputs)
	}
	states := map[string]string{}
	r := newReader(fsys)
	for _, in := range all {
		at, err := r.read(in)
		if err != nil {
			return nil, err
		}
		for _, f := range at {
			if f.state != missing && f.state != folder && !strings.HasSuffix(f.name, "_test.go") {
				states[f.name] = f.state
			}
		}
	}
	return states, nil
}
