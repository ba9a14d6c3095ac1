package commit

import (
	"context"
	"fmt"
)

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
