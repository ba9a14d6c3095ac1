package cache

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
)

const (
	ignoreFile = ".gitignore"
	ignoreAll  = "*\n"
)

// OutputFolder makes a folder for files that are made from others, and lets git ignore all
// that is in it: a build must not make the tree of a repository dirty. A folder that holds
// anything but own, the names of what the caller writes there, is left as it is.
func OutputFolder(dir string, own ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	foreign := func(e os.DirEntry) bool { return !slices.Contains(own, e.Name()) } // a .gitignore too
	if slices.ContainsFunc(entries, foreign) {
		return nil
	}
	if err := WriteFile(filepath.Join(dir, ignoreFile), []byte(ignoreAll)); err != nil {
		return fmt.Errorf("let git ignore the folder: %w", err)
	}
	return nil
}

// Writable returns nil if this user may write to the folder, or make it. Else the error is
// an [fs.PathError] with the folder that cannot be written to, or be made.
func Writable(dir string) error {
	op, refused := "write", filepath.Clean(dir)
	for at := refused; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case (errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR)) && at != filepath.Dir(at):
			op, refused = "mkdir", at
			continue
		case err == nil && !info.IsDir():
			err = syscall.ENOTDIR
		case err == nil:
			err = mayWrite(at)
		}
		if err == nil {
			return nil
		}
		var cause syscall.Errno
		errors.As(err, &cause)
		return &fs.PathError{Op: op, Path: refused, Err: cause}
	}
}
