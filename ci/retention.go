package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Retention keeps the last five images of each name and every image that a function runs. At ECR it sets lifecycle policies; at ECR Public it deletes older images.
//
// +cache="never"
func (m *Ci) Retention(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Show what would be done and change nothing.
	//
	// +optional
	dryRun bool,
	// Image names of removed functions. Their images are deleted, except those that a function runs.
	//
	// +optional
	removed []string,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	args := slices.Concat([]string{"retention"}, optional("--private-registry", m.PrivateRegistry), optional("--public-registry", m.PublicRegistry), m.regions(),
		each("--removed", removed), flags(map[string]bool{"--dry-run": dryRun, "--json": asJSON}))
	return m.act(ctx, source, args...)
}
