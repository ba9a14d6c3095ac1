package cache

import (
	"errors"
	"io/fs"
	"path/filepath"
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
