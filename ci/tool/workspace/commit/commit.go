// Package commit asks git for what publishing needs to know: which commit is checked
// out, whether it holds what is built, what changed since another commit, and what an
// earlier commit contains.
package commit

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
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
// HEAD, as it is named or else in its short form. It fails if another commit is named,
// and with [ErrDirty] if the work tree has uncommitted changes, unless allowDirty is set.
// Without a repository, as in a build container, a named commit is not checked.
func Choose(ctx context.Context, root, named string, allowDirty bool) (string, error) {
	head, err := Head(ctx, root, named)
	if err != nil || allowDirty {
		return head, err
	}
	if err := clean(ctx, root); !errors.Is(err, ErrNoRepository) {
		return head, err
	}
	return head, nil
}

// Head returns the commit that is checked out at root, as it is named or else in its
// short form. It fails if another commit is named. Without a repository it is the named
// one, and that must be named.
func Head(ctx context.Context, root, named string) (string, error) {
	if named != "" {
		if err := Check(named); err != nil {
			return "", err
		}
	}
	full, err := git(ctx, root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	switch {
	case errors.Is(err, ErrNoRepository) && named != "":
		return named, nil
	case errors.Is(err, ErrNoRepository):
		return "", fmt.Errorf("find the commit: %w; pass one with --commit", err)
	case err != nil:
		if e, ok := errors.AsType[*gitError](err); ok && e.silent { // HEAD is a branch without a commit
			err = fmt.Errorf("%s has no commit yet; commit first", root)
		}
		return "", fmt.Errorf("find the commit: %w", err)
	case named == "":
		// git prints at least 7 digits, and more if 7 are ambiguous.
		return git(ctx, root, "rev-parse", "--short=7", "HEAD")
	case !strings.HasPrefix(full, named):
		if _, err := Resolve(ctx, root, named); err != nil {
			return "", fmt.Errorf("--commit: %w", err)
		}
		return "", fmt.Errorf("--commit %s is not what is checked out here, which is %s (for a pull request, CI checks out a merge commit of its own); "+
			"leave --commit out, or check that commit out first: git checkout %s", named, full[:12], named)
	}
	return named, nil
}

func clean(ctx context.Context, root string) error {
	// Settings of the user must not hide a change.
	changes, err := git(ctx, root, "--no-optional-locks", "status", "--porcelain", "--untracked-files=normal", "--ignore-submodules=none")
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

// Resolve returns all 40 digits of the commit that a revision, such as main or HEAD~1,
// names in the repository at root.
func Resolve(ctx context.Context, root, revision string) (string, error) {
	full, err := git(ctx, root, "rev-parse", "--verify", "--quiet", "--end-of-options", revision+"^{commit}")
	if err != nil {
		if e, ok := errors.AsType[*gitError](err); !ok || !e.silent {
			return "", fmt.Errorf("find the commit of %q: %w", revision, err)
		}
		return "", fmt.Errorf("%q names no commit of this repository; name a commit, branch or tag that it has, or fetch it", revision)
	}
	return full, Check(full)
}

// Source describes what is checked out in a work tree.
type Source struct {
	// Commit is the commit in full, and Committed the committer's time.
	Commit    string
	Committed time.Time
	// Remote is the URL of the remote "origin"; empty if there is none.
	Remote string
	// Dirty tells whether there are uncommitted changes.
	Dirty bool
}

// Checkout returns what is checked out at root. Without a repository, as in a build
// container, the error is [ErrNoRepository].
func Checkout(ctx context.Context, root string) (s Source, err error) {
	if s.Commit, err = git(ctx, root, "rev-parse", "HEAD"); err != nil {
		return Source{}, err
	}
	if s.Committed, err = Committed(ctx, root, s.Commit); err != nil {
		return Source{}, err
	}
	if remote, err := git(ctx, root, "remote", "get-url", "origin"); err == nil {
		s.Remote = remote
	}
	err = clean(ctx, root)
	if s.Dirty = errors.Is(err, ErrDirty); s.Dirty {
		err = nil
	}
	return s, err
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
