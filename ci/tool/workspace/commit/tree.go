package commit

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Modes of the entries of a git tree.
// https://git-scm.com/docs/git-fast-import#_filemodify
const (
	modeProgram   = "100755"
	modeLink      = "120000"
	modeSubmodule = "160000"
)

// Tree is what a commit holds, as a file system whose names are those that its files
// have in the work tree, from the root of the machine's file system: without the first
// slash, as in os.DirFS("/"). It is read from git's objects. A submodule holds the
// commit that is recorded for it.
type Tree struct {
	root    string // the folder of the workspace
	top     string // the place of the repository
	entries map[string]entry
	folders map[string][]string // names in a folder, sorted
	read    map[string]*objects // by the folder of a repository
}

// entry is a file or a link of a commit.
type entry struct{ mode, object, repository string }

// NewTree reads the names of all files of a commit of the repository at root. Call Close
// after use.
func NewTree(ctx context.Context, root, name string) (*Tree, error) {
	prefix, err := git(ctx, root, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	top := filepath.Clean(strings.TrimSuffix(root, filepath.FromSlash(strings.TrimSuffix(prefix, "/"))))
	t := &Tree{root: root, top: place(top), entries: map[string]entry{}, folders: map[string][]string{}, read: map[string]*objects{}}
	if err := t.add(ctx, top, name); err != nil {
		return nil, err
	}
	for dir := t.top; dir != "."; dir = path.Dir(dir) {
		t.contain(dir)
	}
	for dir, names := range t.folders {
		slices.Sort(names)
		t.folders[dir] = slices.Compact(names)
	}
	return t, nil
}

// place is the name of an absolute path in the file system.
func place(name string) string { return strings.TrimPrefix(filepath.ToSlash(name), "/") }

// add adds what a commit of the repository in dir holds.
func (t *Tree) add(ctx context.Context, dir, name string) error {
	out, err := output(ctx, dir, "ls-tree", "-r", "-z", "--full-tree", name)
	if err != nil {
		return fmt.Errorf("list the files of commit %s in %s: %w", name, dir, err)
	}
	if t.read[dir], err = newObjects(ctx, dir); err != nil {
		return err
	}
	for line := range strings.SplitSeq(strings.TrimSuffix(string(out), "\x00"), "\x00") {
		about, file, _ := strings.Cut(line, "\t")
		fields := strings.Fields(about)
		if len(fields) != 3 {
			continue // a commit without files
		}
		at := path.Join(place(dir), file)
		if fields[0] != modeSubmodule {
			t.entries[at] = entry{fields[0], fields[2], dir}
			t.contain(at)
			continue
		}
		t.folders[at] = nil
		t.contain(at)
		sub := filepath.Join(dir, filepath.FromSlash(file))
		if _, err := os.Lstat(filepath.Join(sub, ".git")); err != nil {
			continue // it is not checked out, so nothing in it is built
		}
		if err := t.add(ctx, sub, fields[2]); err != nil {
			return fmt.Errorf("%w; get it: git submodule update --init %s", err, file)
		}
	}
	return nil
}

// contain makes the folders above a name.
func (t *Tree) contain(name string) {
	for {
		dir := path.Dir(name)
		if names := t.folders[dir]; len(names) > 0 && names[len(names)-1] == path.Base(name) {
			return
		}
		_, known := t.folders[dir]
		t.folders[dir] = append(t.folders[dir], path.Base(name))
		if known || dir == "." {
			return
		}
		name = dir
	}
}

// Close ends the reading of objects.
func (t *Tree) Close() error {
	var first error
	for _, o := range t.read {
		if err := o.close(); err != nil && first == nil {
			first = err
		}
	}
	return first
}

// maxLinks is how many links a name may lead through, as on Linux.
const maxLinks = 40

// resolve returns the real name of what name leads to; the last part is followed if it
// is a link only if follow is set.
func (t *Tree) resolve(name string, follow bool) (string, error) {
	links := 0
	for {
		next := ""
		for n := 0; n <= len(name) && next == ""; n++ {
			if n < len(name) && name[n] != '/' || n == len(name) && !follow {
				continue
			}
			e, ok := t.entries[name[:n]]
			if !ok || e.mode != modeLink {
				continue
			}
			target, err := t.content(e)
			if err != nil {
				return "", err
			}
			next = path.Join(path.Dir(name[:n]), string(target))
			if path.IsAbs(string(target)) {
				next = place(string(target))
			}
			next = path.Join(next, name[n:])
		}
		if next == "" {
			return name, nil
		}
		if links++; links > maxLinks || next == ".." || strings.HasPrefix(next, "../") {
			return "", fs.ErrNotExist
		}
		name = next
	}
}

// find returns what the name leads to.
func (t *Tree) find(op, name string, follow bool) (info, error) {
	fail := func(err error) (info, error) { return info{}, &fs.PathError{Op: op, Path: name, Err: err} }
	if !fs.ValidPath(name) {
		return fail(fs.ErrInvalid)
	}
	real, err := t.resolve(name, follow)
	if err != nil {
		return fail(err)
	}
	if e, ok := t.entries[real]; ok {
		return info{name: path.Base(name), at: real, entry: e}, nil
	}
	if _, ok := t.folders[real]; ok {
		return info{name: path.Base(name), at: real}, nil
	}
	return fail(fs.ErrNotExist)
}

// content returns the content of a file, or the target of a link.
func (t *Tree) content(e entry) ([]byte, error) { return t.read[e.repository].content(e.object) }

// Open implements [fs.FS] for files.
func (t *Tree) Open(name string) (fs.File, error) {
	i, err := t.find("open", name, true)
	if err != nil {
		return nil, err
	}
	if i.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrInvalid}
	}
	data, err := t.content(i.entry)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	i.size = int64(len(data))
	return file{bytes.NewReader(data), i}, nil
}

// ReadDir implements [fs.ReadDirFS].
func (t *Tree) ReadDir(name string) ([]fs.DirEntry, error) {
	i, err := t.find("readdir", name, true)
	if err != nil {
		return nil, err
	}
	if !i.IsDir() {
		return nil, &fs.PathError{Op: "readdir", Path: name, Err: fs.ErrInvalid}
	}
	var all []fs.DirEntry
	for _, base := range t.folders[i.at] {
		at := path.Join(i.at, base)
		all = append(all, fs.FileInfoToDirEntry(info{name: base, at: at, entry: t.entries[at]}))
	}
	return all, nil
}

// Stat implements [fs.StatFS].
func (t *Tree) Stat(name string) (fs.FileInfo, error) { return t.find("stat", name, true) }

// Lstat implements [fs.ReadLinkFS].
func (t *Tree) Lstat(name string) (fs.FileInfo, error) { return t.find("lstat", name, false) }

// ReadLink implements [fs.ReadLinkFS].
func (t *Tree) ReadLink(name string) (string, error) {
	i, err := t.find("readlink", name, false)
	if err != nil {
		return "", err
	}
	if i.mode != modeLink {
		return "", &fs.PathError{Op: "readlink", Path: name, Err: fs.ErrInvalid}
	}
	target, err := t.content(i.entry)
	return string(target), err
}

// info describes an entry of a tree, or a folder.
type info struct {
	name, at string
	size     int64
	entry
}

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) ModTime() time.Time { return time.Time{} }
func (i info) IsDir() bool        { return i.mode == "" }
func (i info) Sys() any           { return nil }

func (i info) Mode() fs.FileMode {
	switch i.mode {
	case "":
		return fs.ModeDir | 0o755
	case modeLink:
		return fs.ModeSymlink | 0o777
	case modeProgram:
		return 0o755
	default:
		return 0o644
	}
}

// file is an open file of a tree.
type file struct {
	*bytes.Reader
	info info
}

func (f file) Stat() (fs.FileInfo, error) { return f.info, nil }

func (f file) Close() error { return nil }

var (
	_ fs.ReadDirFS  = (*Tree)(nil)
	_ fs.ReadLinkFS = (*Tree)(nil)
	_ io.Reader     = file{}
)
