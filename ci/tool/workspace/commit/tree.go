package commit

import (
	"context"
	"fmt"
	"strings"
)

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
