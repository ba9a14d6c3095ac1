package commit

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Worktree checks the commit out into a temporary folder, and leaves the work tree at
// root alone. It returns the folder that corresponds to root, and a function that
// removes the checkout.
func Worktree(ctx context.Context, root, name string) (dir string, remove func() error, err error) {
	fail := func(err error) (string, func() error, error) {
		return "", nil, fmt.Errorf("check out commit %s: %w", name, err)
	}
	whole, err := git(ctx, root, "rev-parse", "--verify", "--quiet", name+"^{commit}")
	if err != nil {
		if _, err := git(ctx, root, "rev-parse", "--is-inside-work-tree"); err != nil {
			return fail(err)
		}
		return fail(errors.New("this repository does not have it; fetch it (a shallow clone has only the last commits)"))
	}
	below, err := git(ctx, root, "rev-parse", "--show-prefix")
	if err != nil {
		return fail(err)
	}
	parent, err := os.MkdirTemp("", "ci-commit-*")
	if err != nil {
		return fail(err)
	}
	tree := filepath.Join(parent, "tree")
	remove = func() error {
		// It is removed after an interrupt too.
		_, err := git(context.WithoutCancel(ctx), root, "worktree", "remove", "--force", tree)
		return errors.Join(err, os.RemoveAll(parent))
	}
	// The user's hooks must not run in it.
	if _, err := git(ctx, root, "-c", "core.hooksPath=/dev/null", "worktree", "add", "--detach", "--quiet", tree, whole); err != nil {
		_ = remove()
		return fail(err)
	}
	return filepath.Join(tree, filepath.FromSlash(below)), remove, nil
}
