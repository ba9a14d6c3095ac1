package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Cost calculates how much five versions of each image take in the registries, and what that costs per month.
func (m *Ci) Cost(
	ctx context.Context,
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
	// Print Markdown instead of plain tables.
	//
	// +optional
	markdown bool,
) (string, error) {
	return output(ctx, m.examine(source, nil, slices.Concat(m.cost(), flags(map[string]bool{"--markdown": markdown}))...))
}

// CostPicture draws the layers that the registries store, as an SVG picture.
func (m *Ci) CostPicture(
	ctx context.Context,
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
) (*dagger.File, error) {
	step, err := done(ctx, m.examine(source, nil, append(m.cost(), "--svg", "/layers.svg")...))
	if err != nil {
		return nil, err
	}
	return step.File("/layers.svg"), nil
}

func (m *Ci) cost() []string { return m.platformArgs("cost", "--from", layout) }
