package commit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Export writes what a commit holds into a temporary folder, and leaves the work tree at
// root alone. It returns the folder that corresponds to root, and a function that removes
// what it wrote.
func Export(ctx context.Context, root, name string) (dir string, remove func() error, err error) {
	fail := func(err error) (string, func() error, error) {
		return "", nil, fmt.Errorf("check out commit %s: %w", name, err)
	}
	if _, err := git(ctx, root, "rev-parse", "--verify", "--quiet", name+"^{commit}"); err != nil {
		if e, ok := errors.AsType[*gitError](err); ok && e.silent {
			err = errors.New("this repository does not have it; fetch it (a shallow clone has only the last commits)")
		}
		return fail(err)
	}
	t, err := NewTree(ctx, root, name)
	if err != nil {
		return fail(err)
	}
	defer func() { err = errors.Join(err, t.Close()) }()
	parent, err := os.MkdirTemp("", "ci-commit-*")
	if err != nil {
		return fail(err)
	}
	remove = func() error { return os.RemoveAll(parent) }
	rel, err := filepath.Rel("/"+t.top, root)
	if err == nil {
		err = t.write(ctx, parent)
	}
	if err != nil {
		return fail(errors.Join(err, remove()))
	}
	return filepath.Join(parent, rel), remove, nil
}

// write writes all files and links below dir.
func (t *Tree) write(ctx context.Context, dir string) error {
	for name, e := range t.entries {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		rel, err := filepath.Rel(t.top, name)
		if err != nil {
			return err
		}
		to := filepath.Join(dir, rel)
		data, err := t.content(e)
		if err != nil {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if e.mode == modeLink {
			err = os.Symlink(string(data), to)
		} else {
			err = os.WriteFile(to, data, info{entry: e}.Mode())
		}
		if err != nil {
			return err
		}
	}
	return nil
}
