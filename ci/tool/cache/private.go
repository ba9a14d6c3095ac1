package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// SharedError is a folder to which another user may write.
type SharedError struct {
	Folder, Why string
	// Mode is true if another mode of the folder would be enough.
	Mode bool
}

func (e *SharedError) Error() string { return e.Why }

// Private returns a [SharedError] if another user could write to the cache in dir: who does that
// chooses what the next build puts into images. It looks at the folder and those in it, and
// at the folders above, in which others could replace it. Root counts as no other user, and
// neither does the group of this user alone, which many systems make with each user.
func Private(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for _, sub := range []string{".", "blobs", "blobs/sha256", "records", "binaries", "npm"} {
		if err := private(filepath.Join(dir, sub), false); err != nil {
			return err
		}
	}
	// The kernel follows symbolic links, so the folders above are those of the real path.
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		real = dir
	} else if err != nil {
		return err
	}
	for at := real; at != filepath.Dir(at); {
		at = filepath.Dir(at)
		if err := private(at, true); err != nil {
			return err
		}
	}
	return nil
}

// private checks one folder; what does not exist is private. above is true for a folder
// above the cache: there, with the sticky bit, others cannot replace what is not theirs, and
// root is at home in the folders of others, as in a container.
func private(dir string, above bool) error {
	var s unix.Stat_t
	err := unix.Stat(dir, &s)
	if errors.Is(err, unix.ENOENT) {
		return nil
	}
	if err != nil {
		return &fs.PathError{Op: "stat", Path: dir, Err: err}
	}
	me := os.Geteuid()
	mode := uint32(s.Mode) //nolint:unconvert // on macOS it has 16 bits
	atHome := above && me == 0
	switch {
	case int(s.Uid) != me && s.Uid != 0 && !atHome:
		return &SharedError{dir, fmt.Sprintf("%s belongs to another user, %s", dir, userName(s.Uid)), false}
	case above && mode&unix.S_ISVTX != 0:
		return nil
	case mode&unix.S_IWOTH != 0:
		return &SharedError{dir, "every user may write to " + dir, true}
	case mode&unix.S_IWGRP != 0 && !own(s.Uid, s.Gid):
		return &SharedError{dir, fmt.Sprintf("the group %s may write to %s", groupName(s.Gid), dir), true}
	}
	return nil
}

// own tells whether the group is that of one user alone: it has the user's name, or where
// no names are known, as in a container, the user's number.
func own(uid, gid uint32) bool {
	return userName(uid) == groupName(gid)
}

func userName(uid uint32) string {
	id := strconv.FormatUint(uint64(uid), 10)
	if u, err := user.LookupId(id); err == nil {
		return u.Username
	}
	return id
}

func groupName(gid uint32) string {
	id := strconv.FormatUint(uint64(gid), 10)
	if g, err := user.LookupGroupId(id); err == nil {
		return g.Name
	}
	return id
}
