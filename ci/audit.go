package main

import (
	"context"
	"slices"
)

// Audit checks the images: nothing private is public, no secret is in them, and Lambda takes them.
func (m *Ci) Audit(
	ctx context.Context,
	// Images to check, by name; all when none is named.
	//
	// +optional
	only []string,
) (string, error) {
	step := m.step(m.Builder(), m.Source).
		WithFile(toolPath, m.program()).
		WithMountedDirectory("/dist", m.assemble("/dist", only).Directory("/dist"))
	return output(ctx, m.run(step, slices.Concat(m.platformArgs("audit", "--from", "/dist"), named(only))...))
}
