package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Audit runs the gates that every image must pass before a push: public images hold no private code, no image holds a secret, each is within its size budget, and Lambda accepts it.
func (m *Ci) Audit(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
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
	return m.report(ctx, source, only, slices.Concat(m.platformArgs("audit", "--from", layout), named(only), flags(map[string]bool{"--json": asJSON}))...)
}
