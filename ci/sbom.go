package main

import (
	"context"

	"lambdas.internal/ci/internal/dagger"
)

// Sbom lists what an image is made of (Go modules, ffmpeg, base) in the format CycloneDX. Publish attaches the same document to the image.
func (m *Ci) Sbom(
	ctx context.Context,
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
	// Name of the image, such as "api"; `list` shows them.
	name string,
) (string, error) {
	return output(ctx, m.examine(source, []string{name}, m.platformArgs("sbom", "--from", layout, "--name", name, "--json")...))
}
