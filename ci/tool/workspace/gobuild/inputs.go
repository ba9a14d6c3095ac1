package gobuild

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Inputs are the places where the go command looked when it listed the sources of a
// function. As long as they hold the same, it finds the same sources. Names are
// slash-separated, from the root of the file system and without the first slash, as in
// [fs.FS].
type Inputs struct {
	// Folders have the packages; in others, a package would take the place of one.
	Folders []string `json:"folders"`
	// Embeds are patterns of files to embed.
	Embeds []Embed `json:"embeds,omitempty"`
	// Files are files of which it matters whether they exist, and what they contain.
	Files []string `json:"files,omitempty"`
}

// Embed is a pattern of //go:embed in a package.
type Embed struct {
	Folder  string `json:"folder"`
	Pattern string `json:"pattern"`
}

// State is what is at a place: the SHA-256 of a file in hex, or one of these.
const (
	missing = "missing"
	folder  = "folder"
	link    = "link" // whose target does not matter
)

// extensions are those of the files that go/build considers.
// https://pkg.go.dev/go/build#Package
var extensions = []string{".go", ".c", ".cc", ".cpp", ".cxx", ".m", ".h", ".hh", ".hpp", ".hxx",
	".f", ".F", ".for", ".f90", ".s", ".S", ".sx", ".swig", ".swigcxx", ".syso"}

// profile is the file with which the compiler optimizes a program.
const profile = "default.pgo"

// considered tells whether the go command looks at a file in the folder of a package.
func considered(name string) bool {
	return !strings.HasPrefix(name, ".") && !strings.HasPrefix(name, "_") &&
		(name == "go.mod" || name == profile || slices.Contains(extensions, path.Ext(name)))
}

// found is one place and what is there.
type found struct{ name, state string }

// reader reads what inputs hold. It reads a place that several functions share once.
type reader struct {
	fsys   fs.FS
	files  map[string]found
	kept   map[string][]found
	newest time.Time // of all that was read
	buffer []byte
}

func newReader(fsys fs.FS) *reader {
	return &reader{fsys: fsys, files: map[string]found{}, kept: map[string][]found{}, buffer: make([]byte, 32<<10)}
}

// read returns what the inputs hold.
func (r *reader) read(in Inputs) ([]found, error) {
	var all []found
	add := func(key string, look func() ([]found, error)) error {
		got, ok := r.kept[key]
		if !ok {
			var err error
			if got, err = look(); err != nil {
				return err
			}
			r.kept[key] = got
		}
		all = append(all, got...)
		return nil
	}
	for _, name := range in.Folders {
		if err := add("folder "+name, func() ([]found, error) { return r.sources(name) }); err != nil {
			return nil, err
		}
	}
	for _, e := range in.Embeds {
		if err := add("embed "+e.Folder+" "+e.Pattern, func() ([]found, error) { return r.embedded(e) }); err != nil {
			return nil, err
		}
	}
	for _, name := range in.Files {
		at, err := r.file(name)
		if err != nil {
			return nil, err
		}
		all = append(all, at)
	}
	return all, nil
}

// fingerprint returns one digest of what the inputs hold, and of what all functions share.
func (r *reader) fingerprint(in Inputs, shared string) (string, error) {
	all, err := r.read(in)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintln(h, shared)
	for _, f := range all {
		fmt.Fprintf(h, "%q %s\n", f.name, f.state)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// sources returns the files of a package's folder that the go command considers.
func (r *reader) sources(name string) ([]found, error) {
	entries, err := fs.ReadDir(r.fsys, name)
	if err != nil {
		at, err := r.file(name) // it is not a folder
		return []found{at}, err
	}
	at, err := r.file(name)
	if err != nil {
		return nil, err
	}
	all := []found{at}
	for _, e := range entries {
		if e.IsDir() || !considered(e.Name()) {
			continue
		}
		at, err := r.file(path.Join(name, e.Name()))
		if err != nil {
			return nil, err
		}
		all = append(all, at)
	}
	return all, nil
}

// embedded returns the files that the pattern embeds, and the folders in which they are.
func (r *reader) embedded(e Embed) ([]found, error) {
	pattern, hidden := strings.CutPrefix(e.Pattern, "all:")
	matches, err := fs.Glob(r.fsys, quote(e.Folder)+"/"+pattern)
	if err != nil {
		return nil, fmt.Errorf("find the files to embed: %s: %w", e.Pattern, err)
	}
	var all []found
	for _, match := range matches {
		for _, dir := range between(e.Folder, match) {
			at, err := r.named(dir)
			if err != nil {
				return nil, err
			}
			all = append(all, at)
		}
		err := fs.WalkDir(r.fsys, match, func(name string, _ fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if base := path.Base(name); name != match && !hidden && (base[0] == '.' || base[0] == '_') {
				return skip(r.fsys, name)
			}
			at, err := r.named(name)
			if err != nil {
				return err
			}
			all = append(all, at)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// skip leaves out a file, or a folder with all in it.
func skip(fsys fs.FS, name string) error {
	if info, err := fs.Lstat(fsys, name); err == nil && info.IsDir() {
		return fs.SkipDir
	}
	return nil
}

// quote returns a pattern that matches the name only.
func quote(name string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(name)
}

// named returns what has the name, without following a link, which cannot be embedded.
func (r *reader) named(name string) (found, error) {
	info, err := fs.Lstat(r.fsys, name)
	switch {
	case err != nil:
		return found{}, err
	case info.Mode()&fs.ModeSymlink != 0:
		return found{name, link}, nil
	}
	return r.file(name)
}

// file returns what the name leads to. What is neither a file nor a folder is refused
// before it is opened: a named pipe would block.
func (r *reader) file(name string) (found, error) {
	if at, ok := r.files[name]; ok {
		return at, nil
	}
	state, err := r.state(name)
	if err != nil {
		return found{}, err
	}
	r.files[name] = found{name, state}
	return r.files[name], nil
}

func (r *reader) state(name string) (string, error) {
	info, err := fs.Stat(r.fsys, name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ELOOP):
		return missing, nil
	case err != nil:
		return "", err
	}
	if at := changed(info); at.After(r.newest) {
		r.newest = at
	}
	switch {
	case info.IsDir():
		return folder, nil
	case !info.Mode().IsRegular():
		return "", irregular("/"+name, info.Mode())
	}
	f, err := r.fsys.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close() //nolint:errcheck // it is only read
	h := sha256.New()
	// Thousands of small files are read: one buffer is enough for all.
	if _, err := io.CopyBuffer(h, struct{ io.Reader }{f}, r.buffer); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// irregular is the error for a source that cannot be read as a file.
func irregular(name string, mode fs.FileMode) error {
	return catalog.Problem{File: name, Fix: "is a " + catalog.Kind(mode) + ", which Go would read as a source; remove it, or put a file there"}
}
