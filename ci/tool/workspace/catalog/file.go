package catalog

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// ReadFile reads a file of the workspace at root; its name is relative to root. It reads
// regular files only: to open a named pipe waits for a writer, and no signal ends that.
// A symbolic link must not leave the workspace, because what the commit does not hold must
// not decide what an image is. The error is [fs.ErrNotExist] or a [Problem].
func ReadFile(root, name string) ([]byte, error) {
	file := filepath.Join(root, filepath.FromSlash(name))
	info, err := os.Stat(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if target, linkErr := os.Readlink(file); linkErr == nil {
			return nil, Problem{File: name, Fix: fmt.Sprintf("is a symbolic link to %s, which does not exist; put the file itself here", target)}
		}
		return nil, err
	case err != nil:
		return nil, Problem{File: name, Fix: err.Error()}
	case !info.Mode().IsRegular():
		return nil, Problem{File: name, Fix: fmt.Sprintf("is a %s; put a regular file here", Kind(info.Mode()))}
	}
	if target, ok := outside(root, name); ok {
		return nil, Problem{File: name, Fix: fmt.Sprintf("is %s, outside the workspace, through a symbolic link; put the file itself here", target)}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, Problem{File: name, Fix: err.Error()}
	}
	return data, nil
}

// outside tells whether symbolic links lead from a name inside root to a file outside it,
// and to which.
func outside(root, name string) (target string, ok bool) {
	if !linked(root, name) {
		return "", false
	}
	root, err := filepath.EvalSymlinks(root)
	if err != nil || !filepath.IsLocal(filepath.FromSlash(name)) {
		return "", false
	}
	target, err = filepath.EvalSymlinks(filepath.Join(root, filepath.FromSlash(name)))
	if err != nil {
		return "", false
	}
	rel, err := filepath.Rel(root, target)
	return target, err != nil || !filepath.IsLocal(rel)
}

// linked tells whether a name inside root goes through a symbolic link, or may do so.
func linked(root, name string) bool {
	at := root
	for part := range strings.SplitSeq(name, "/") {
		at = filepath.Join(at, part)
		if info, err := os.Lstat(at); err != nil || info.Mode()&fs.ModeSymlink != 0 || part == ".." {
			return true
		}
	}
	return false
}

// Kind names what a path leads to that is not a regular file.
func Kind(mode fs.FileMode) string {
	switch {
	case mode.IsDir():
		return "folder"
	case mode&fs.ModeNamedPipe != 0:
		return "named pipe"
	case mode&fs.ModeSocket != 0:
		return "socket"
	default:
		return "device"
	}
}

// checkFolder refuses a symbolic link where a folder of the workspace must be: Go, git and
// this program do not all follow it. A link to what is not a folder is no problem here.
func checkFolder(root, name string) error {
	file := filepath.Join(root, filepath.FromSlash(name))
	target, err := os.Readlink(file)
	if err != nil {
		return nil // not a symbolic link
	}
	p := Problem{File: name}
	switch info, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist):
		p.Fix = fmt.Sprintf("is a symbolic link to %s, which does not exist; remove it, or put the folder itself here", target)
	case err != nil:
		p.Fix = fmt.Sprintf("is a symbolic link that cannot be followed (%v); remove it, or put the folder itself here", err)
	case info.IsDir():
		p.Fix = fmt.Sprintf("is a symbolic link to the folder %s; move the folder itself here, because Go and git do not follow links to folders", target)
	default:
		return nil
	}
	return p
}
