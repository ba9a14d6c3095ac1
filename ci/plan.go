package main

import (
	"context"
	"slices"
)

// Plan says what publish and deploy would do for each function.
//
// +cache="never"
func (m *Ci) Plan(
	ctx context.Context,
	// Commit to publish under, 7 to 40 hexadecimal digits.
	commit string,
	// Images to look at, by name; all when none is named.
	//
	// +optional
	only []string,
) (string, error) {
	return m.release(ctx, m.withImages(only), only, slices.Concat([]string{"plan", "--commit", commit}, m.private(), m.public())...)
}
