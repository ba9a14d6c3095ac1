package main

import (
	"context"
	"slices"
)

// Plan shows what publish and deploy would do for each function, and why.
//
// +cache="never"
func (m *Ci) Plan(
	ctx context.Context,
	// Commit to plan for, 7 to 40 hexadecimal digits.
	commit string,
	// Names of the images to plan for (default: all).
	//
	// +optional
	only []string,
) (string, error) {
	return m.release(ctx, m.withImages(only), only, slices.Concat([]string{"plan", "--commit", commit}, m.private(), m.public())...)
}
