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
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/pipeline.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
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
	return output(ctx, m.examine(source, []string{name}, m.platformArgs(slices.Concat(args, []string{"--from", layout})...)...))
}
