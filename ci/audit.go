package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Audit runs the gates that every image must pass before a push: public images hold no private code, no image holds a secret, each is within its size budget, and Lambda accepts it.
func (m *Ci) Audit(
	ctx context.Context,
	// Names of the images to check (default: all).
	//
	// +optional
	only []string,
) (string, error) {
	return output(ctx, m.examine(only, slices.Concat(m.platformArgs("audit", "--from", layout), named(only))...))
}

// built returns the images as an OCI image layout.
func (m *Ci) built(only []string) *dagger.Directory {
	return m.assemble(layout, only).Directory(layout)
}

// withImages returns the container in which commands work on the built images.
func (m *Ci) withImages(only []string) *dagger.Container {
	return m.step(m.Builder(), m.Source).WithMountedDirectory(layout, m.built(only))
}

// examine returns the step that runs one command of the whole program on the images.
func (m *Ci) examine(only []string, args ...string) *dagger.Container {
	return m.run(m.withImages(only).WithFile(toolPath, m.program()), args...)
}
