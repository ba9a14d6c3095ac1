package commit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Holds fails unless the commit holds what a build reads from the work tree at root: read
// returns what is at each place that the build looks at, in a file system whose root is
// that of the machine. It asks git's objects, since `git status` leaves out what is
// ignored, assumed unchanged, or not checked out. Without a repository it does nothing.
func Holds(ctx context.Context, root, name string, read func(fs.FS) (map[string]string, error)) (err error) {
	t, err := NewTree(ctx, root, name)
	if errors.Is(err, ErrNoRepository) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	here, err := read(os.DirFS("/"))
	if err != nil {
		return err
	}
	there, err := read(t)
	if err != nil {
		return err
	}
	places := maps.Clone(here)
	maps.Copy(places, there)
	for _, at := range slices.Sorted(maps.Keys(places)) {
		if here[at] != there[at] {
			return t.difference(name, at)
		}
	}
	return nil
}

// difference says what is wrong with a place.
func (t *Tree) difference(name, at string) error {
	file := "/" + at
	if rel, err := filepath.Rel(t.root, file); err == nil && filepath.IsLocal(rel) {
		file = filepath.ToSlash(rel)
	}
	_, err := os.Stat("/" + at)
	_, inCommit := t.Stat(at)
	const otherwise = ", or pass --allow-dirty"
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s is in commit %s, but not in the work tree, so the images are not of that commit; check it out: git checkout %s -- %s%s", file, name, name, file, otherwise)
	case inCommit == nil:
		return fmt.Errorf("%s is not as in commit %s, although git status may not show it (assume-unchanged, skip-worktree, a filter); "+
			"commit it: git update-index --no-assume-unchanged --no-skip-worktree %s && git commit %s%s", file, name, file, file, otherwise)
	case at != t.top && !strings.HasPrefix(at, t.top+"/"):
		return fmt.Errorf("%s is built into an image, but is outside of the repository, so no commit holds it; move it into the repository%s", file, otherwise)
	}
	if real, err := filepath.EvalSymlinks("/" + at); err == nil && !strings.HasPrefix(place(real), t.top+"/") {
		return fmt.Errorf("%s is built into an image, but leads to %s, which is outside of the repository, so no commit holds it; move it into the repository%s", file, real, otherwise)
	}
	return fmt.Errorf("%s is built into an image, but is not in commit %s, maybe because it is ignored; commit it: git add -f %s && git commit%s", file, name, file, otherwise)
}
