package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// List shows the functions, their images, and the registry of each image with the reason.
func (m *Ci) List(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	return output(ctx, m.list(source, flags(map[string]bool{"--json": asJSON})...))
}

func (m *Ci) list(source *dagger.Directory, flags ...string) *dagger.Container {
	return m.run(m.step(m.golang(), described(source)), slices.Concat([]string{"list"}, flags)...)
}
