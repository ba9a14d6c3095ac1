package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Sbom shows what an image is made of: Go modules, ffmpeg, base. Publish attaches the whole document to the image.
//
// +cache="never"
func (m *Ci) Sbom(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Name of the image, such as "api"; `list` shows them.
	name string,
	// Read the document of the image that was published under this commit, instead of building the image.
	//
	// +optional
	commit string,
	// Print the whole document, in the format CycloneDX.
	//
	// +optional
	asJSON bool,
) (string, error) {
	args := slices.Concat([]string{"sbom", "--name", name}, flags(map[string]bool{"--json": asJSON}))
	if commit != "" {
		return m.act(ctx, source, slices.Concat(args, []string{"--commit", commit}, m.private(), m.public())...)
	}
	return m.report(ctx, source, []string{name}, m.platformArgs(slices.Concat(args, []string{"--from", layout})...)...)
}
