package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Provenance shows how a published image was made: from which commit, from which base and modules, by which run.
//
// +cache="never"
func (m *Ci) Provenance(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Name of the image, such as "api"; `list` shows them.
	name string,
	// Commit that the image was published under.
	commit string,
	// Read the whole document of a public image, from the private registry.
	//
	// +optional
	deployCopy bool,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	return m.act(ctx, source, slices.Concat([]string{"provenance", "--name", name, "--commit", commit}, m.private(), m.public(),
		flags(map[string]bool{"--deploy-copy": deployCopy, "--json": asJSON}))...)
}
