//go:build unix

package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"strconv"

	"golang.org/x/sys/unix"
)

// mayWrite returns nil if this user may write to the folder, which exists.
func mayWrite(dir string) error { return unix.Access(dir, unix.W_OK|unix.X_OK) }

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
