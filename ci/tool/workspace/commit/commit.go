// Package commit asks git for what publishing needs to know: which commit is checked
// out, whether all is committed, what changed since another commit, and what an
// earlier commit contains.
package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
)

// pattern matches a commit as git prints it and as tags contain it, short or full.
var pattern = regexp.MustCompile(`^[0-9a-f]{7,40}$`)

// ErrDirty is a work tree with uncommitted changes.
var ErrDirty = errors.New("the work tree has uncommitted changes; commit them, or pass --allow-dirty")

// Check fails unless name is a commit: 7 to 40 lower-case hexadecimal digits.
func Check(name string) error {
	if !pattern.MatchString(name) {
		return fmt.Errorf("%q is not a commit; pass 7 to 40 digits of 0-9 and a-f, as `git rev-parse --short HEAD` prints them", name)
	}
	return nil
}

// Choose returns the commit of the images that are built from the work tree at root:
// named, or else HEAD in its short form. It fails with [ErrDirty] if the work tree has
// uncommitted changes, unless allowDirty is set. Without a git work tree, as in a build
// container, a named commit is not checked.
func Choose(ctx context.Context, root, named string, allowDirty bool) (string, error) {
	if named != "" {
		if err := Check(named); err != nil {
			return "", err
		}
		if allowDirty {
			return named, nil
		}
		if _, err := git(ctx, root, "rev-parse", "--is-inside-work-tree"); err != nil {
			return named, nil
		}
		return named, clean(ctx, root)
	}
	// git prints at least 7 digits, and more if 7 are ambiguous.
	head, err := git(ctx, root, "rev-parse", "--short=7", "HEAD")
	if err != nil {
		return "", fmt.Errorf("find the commit: %w; pass one with --commit", err)
	}
	if err := Check(head); err != nil {
		return "", fmt.Errorf("find the commit: %w", err)
	}
	if allowDirty {
		return head, nil
	}
	return head, clean(ctx, root)
}

func clean(ctx context.Context, root string) error {
	changes, err := git(ctx, root, "--no-optional-locks", "status", "--porcelain")
	switch {
	case err != nil:
		return fmt.Errorf("check for uncommitted changes: %w", err)
	case changes != "":
		first, _, _ := strings.Cut(changes, "\n")
		return fmt.Errorf("%w (the first: %s)", ErrDirty, strings.TrimSpace(first))
	default:
		return nil
	}
}

// git runs git in root and returns its output. An error has the first line of git's
// message.
func git(ctx context.Context, root string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = root
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		first, _, _ := strings.Cut(strings.TrimSpace(complaint.String()), "\n")
		if first == "" {
			return "", fmt.Errorf("run git: %w", err)
		}
		return "", fmt.Errorf("run git: %s", strings.TrimPrefix(first, "fatal: "))
	}
	return strings.TrimSpace(out.String()), nil
}
