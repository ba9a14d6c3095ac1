package commit

import "context"

// Source is what is checked out in a work tree.
type Source struct {
	// Commit is its whole name.
	Commit string
	// Remote is the address of the repository that it came from, as git has it;
	// empty when there is none.
	Remote string
	// Dirty tells of changes that no commit has.
	Dirty bool
}

// Checkout returns what is checked out at root; ok is false where there is no git
// work tree, as in a build container.
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
