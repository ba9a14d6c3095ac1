// Package commit asks git for what publishing needs to know: which commit is checked
// out, whether all is committed, what changed since another commit, and what an
// earlier commit contains.
package commit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
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

// Resolve returns all 40 digits of the commit that a revision, such as main or HEAD~1,
// names in the repository at root.
func Resolve(ctx context.Context, root, revision string) (string, error) {
	full, err := git(ctx, root, "rev-parse", "--verify", "--end-of-options", revision+"^{commit}")
	if err != nil {
		if _, err := git(ctx, root, "rev-parse", "--is-inside-work-tree"); err != nil {
			return "", fmt.Errorf("find the commit of %q: %w", revision, err)
		}
		return "", fmt.Errorf("%q names no commit of this repository; name a commit, branch or tag that it has, or fetch it", revision)
	}
	return full, Check(full)
}

// Source describes what is checked out in a work tree.
type Source struct {
	// Commit is the commit in full.
	Commit string
	// Remote is the URL of the remote "origin"; empty if there is none.
	Remote string
	// Dirty tells whether there are uncommitted changes.
	Dirty bool
}

// Checkout returns what is checked out at root; ok is false without a git work tree,
// as in a build container.
func Checkout(ctx context.Context, root string) (s Source, ok bool) {
	head, err := git(ctx, root, "rev-parse", "HEAD")
	if err != nil {
		return Source{}, false
	}
	s.Commit = head
	if remote, err := git(ctx, root, "remote", "get-url", "origin"); err == nil {
		s.Remote = remote
	}
	s.Dirty = clean(ctx, root) != nil
	return s, true
}

// Changed names the files below root that differ between the commit and the work
// tree, slash-separated and relative to root.
func Changed(ctx context.Context, root, since string) ([]string, error) {
	var files []string
	for _, args := range [][]string{
		{"--no-optional-locks", "-c", "core.quotePath=false", "diff", "--name-only", "--no-renames", "--relative", since, "--", "."},
		{"--no-optional-locks", "-c", "core.quotePath=false", "ls-files", "--others", "--exclude-standard"},
	} {
		out, err := git(ctx, root, args...)
		if err != nil {
			return nil, fmt.Errorf("list the changes since %s: %w", since, err)
		}
		files = append(files, strings.FieldsFunc(out, func(r rune) bool { return r == '\n' })...)
	}
	return files, nil
}

// File returns the content that a file below root has in the commit; a file that the
// commit does not have is empty.
func File(ctx context.Context, root, at, name string) ([]byte, error) {
	listed, err := git(ctx, root, "ls-tree", "--name-only", at, "./"+name)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, at, err)
	}
	if listed == "" {
		return nil, nil
	}
	out, err := git(ctx, root, "show", at+":./"+name)
	if err != nil {
		return nil, fmt.Errorf("read %s of %s: %w", name, at, err)
	}
	return []byte(out + "\n"), nil
}

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
