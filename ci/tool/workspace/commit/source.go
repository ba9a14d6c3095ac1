package commit

import "context"

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
