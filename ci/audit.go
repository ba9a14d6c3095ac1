package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Audit runs the gates that every image must pass before a push: public images hold no private code, no image holds a secret, each is within its size budget, and Lambda accepts it.
func (m *Ci) Audit(
	ctx context.Context,
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/pipeline.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
	// Names of the images to check (default: all).
	//
	// +optional
	only []string,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	return output(ctx, m.examine(source, only, slices.Concat(m.platformArgs("audit", "--from", layout), named(only), flags(map[string]bool{"--json": asJSON}))...))
}

// built returns the images as an OCI image layout.
func (m *Ci) built(source *dagger.Directory, only []string) *dagger.Directory {
	return m.assemble(source, layout, only).Directory(layout)
}

// withImages returns the container in which commands work on the built images.
func (m *Ci) withImages(source *dagger.Directory, only []string) *dagger.Container {
	return m.step(m.Builder(source), source).WithMountedDirectory(layout, m.built(source, only))
}

// examine returns the step that runs one command of the whole program on the images.
func (m *Ci) examine(source *dagger.Directory, only []string, args ...string) *dagger.Container {
	return m.run(m.withImages(source, only).WithFile(toolPath, m.program()), args...)
}
