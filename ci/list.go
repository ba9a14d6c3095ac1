package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// List shows the functions, their images, and the registry of each image with the reason.
func (m *Ci) List(
	ctx context.Context,
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/pipeline.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	return output(ctx, m.run(m.step(m.golang(), described(source)), slices.Concat([]string{"list"}, flags(map[string]bool{"--json": asJSON}))...))
}
