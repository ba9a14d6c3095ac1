package commit

import (
	"context"
	"fmt"
)

// Resolve returns the commit that a revision, such as main or HEAD~1, names in the
// repository at root, in its 40 digits.
func Resolve(ctx context.Context, root, revision string) (string, error) {
	full, err := git(ctx, root, "rev-parse", "--verify", "--end-of-options", revision+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("find the commit of %q: %w", revision, err)
	}
	return full, Check(full)
}
