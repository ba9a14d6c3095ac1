package commit

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Order is where a commit stands to another one.
type Order string

// The orders of a commit to another one.
const (
	Same   Order = "same"
	After  Order = "after"  // the other one is in its history
	Before Order = "before" // it is in the history of the other one
	Apart  Order = "apart"  // neither: they are on different branches, or a branch was rewritten
	// Elsewhere is that the other one is not in its history, and not in this repository, which
	// is complete: it comes after it and was not fetched, or they are apart.
	Elsewhere Order = "elsewhere"
	Unknown   Order = "unknown"
)

// Compare tells where the commit named stands to another one, by the history in the repository
// at root. Why is why the order is unknown.
func Compare(ctx context.Context, root, named, other string) (order Order, why string, err error) {
	if err := Check(other); err != nil { // it comes from a registry
		return Unknown, err.Error(), nil
	}
	if strings.HasPrefix(named, other) || strings.HasPrefix(other, named) {
		return Same, "", nil
	}
	shallow, err := git(ctx, root, "rev-parse", "--is-shallow-repository")
	if errors.Is(err, ErrNoRepository) {
		return Unknown, "there is no git repository here", nil
	}
	if err != nil {
		return "", "", fmt.Errorf("compare commit %s with %s: %w", named, other, err)
	}
	const cut = "this clone is shallow; fetch its history: git fetch --unshallow"
	for _, c := range []string{named, other} {
		full, err := Resolve(ctx, root, c)
		switch {
		case err == nil && c == named:
			named = full
		case err == nil:
			other = full
		case ctx.Err() != nil:
			return "", "", context.Cause(ctx)
		case shallow == "true":
			return Unknown, cut, nil
		case c == named:
			return Unknown, "this repository does not have commit " + c + "; fetch it: git fetch", nil
		default:
			return Elsewhere, "", nil
		}
	}
	if named == other {
		return Same, "", nil
	}
	for _, in := range []struct {
		order Order
		a, b  string
	}{{After, other, named}, {Before, named, other}} {
		is, err := ancestor(ctx, root, in.a, in.b)
		if err != nil {
			return "", "", fmt.Errorf("compare commit %s with %s: %w", named, other, err)
		}
		if is {
			return in.order, "", nil
		}
	}
	if shallow == "true" {
		return Unknown, cut, nil
	}
	return Apart, "", nil
}

// ancestor tells whether a commit is in the history of another.
func ancestor(ctx context.Context, root, a, b string) (bool, error) {
	_, err := git(ctx, root, "merge-base", "--is-ancestor", a, b)
	if e, ok := errors.AsType[*gitError](err); ok && e.silent { // exit status 1, without a word
		return false, nil
	}
	return err == nil, err
}

// Committed returns the committer's time of a commit, in UTC.
func Committed(ctx context.Context, root, named string) (time.Time, error) {
	text, err := git(ctx, root, "show", "--no-patch", "--no-show-signature", "--format=%ct", named+"^{commit}", "--")
	if err != nil {
		return time.Time{}, fmt.Errorf("read the time of commit %s: %w", named, err)
	}
	seconds, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the time of commit %s: %w", named, err)
	}
	return time.Unix(seconds, 0).UTC(), nil
}
