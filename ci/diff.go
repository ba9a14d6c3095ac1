package main

import (
	"context"
	"slices"
)

// Diff compares the images with those of a published commit or tag: sizes, new layers, the Go packages that grew, the versions that moved.
//
// +cache="never"
func (m *Ci) Diff(
	ctx context.Context,
	// What to compare with: latest, live, or a commit that was published.
	//
	// +default="latest"
	from string,
	// Images to compare, by name; all when none is named.
	//
	// +optional
	only []string,
	// Print Markdown instead of a table.
	//
	// +optional
	markdown bool,
) (string, error) {
	step := m.aws(m.withImages(only))
	return output(ctx, m.run(step, slices.Concat([]string{"diff", from, layout}, named(only), m.private(), m.public(),
		flags(map[string]bool{"--markdown": markdown}))...))
}
