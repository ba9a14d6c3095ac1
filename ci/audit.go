package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Audit checks the images: nothing private is public, no secret is in them, each is within its budget, and Lambda takes them.
func (m *Ci) Audit(
	ctx context.Context,
	// Images to check, by name; all when none is named.
	//
	// +optional
	only []string,
) (string, error) {
	return output(ctx, m.examine(only, slices.Concat(m.platformArgs("audit", "--from", layout), named(only))...))
}

// built is the images, as an OCI image layout.
func (m *Ci) built(only []string) *dagger.Directory {
	return m.assemble(layout, only).Directory(layout)
}

// withImages is the container in which commands work on the built images.
func (m *Ci) withImages(only []string) *dagger.Container {
	return m.step(m.Builder(), m.Source).WithMountedDirectory(layout, m.built(only))
}

// examine is the step that runs one command of the whole program on the images.
func (m *Ci) examine(only []string, args ...string) *dagger.Container {
	return m.run(m.withImages(only).WithFile(toolPath, m.program()), args...)
}
