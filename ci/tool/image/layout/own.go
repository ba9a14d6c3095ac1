package layout

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// annotationOwn marks the index of a layout that this program wrote. It removes blobs from
// such a layout only.
const annotationOwn = "internal.lambdas.layout"

// checkOwn refuses a folder in which another's files would be removed: one that this program
// did not write, or a link to a folder elsewhere.
func checkOwn(dir string) error {
	const fix = "; pass another folder with --out, or remove it"
	for _, name := range []string{"", "blobs", "blobs/sha256", "index.json", "oci-layout"} {
		at := filepath.Join(dir, filepath.FromSlash(name))
		if info, err := os.Lstat(at); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return fmt.Errorf("%s is a symbolic link, and what it leads to may be another's%s", at, fix)
		}
	}
	index, err := Index(dir)
	switch {
	case err == nil && index.Annotations[annotationOwn] == "":
		return fmt.Errorf("bin/ci did not write this image layout, or an old version did%s", fix)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	// Nothing is there yet, or what a writer left that was killed.
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	ignored := slices.ContainsFunc(entries, func(e os.DirEntry) bool { return e.Name() == ".gitignore" })
	for _, e := range entries {
		if name := e.Name(); name != ".gitignore" && !strings.HasPrefix(name, ".tmp-") && // of a writer at this moment
			(!slices.Contains(own, name) || name == "blobs" && !ignored) {
			return fmt.Errorf("%s has files that bin/ci did not write, such as %s%s", dir, name, fix)
		}
	}
	return nil
}
