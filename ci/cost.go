package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Cost calculates how much five versions of each image take in the registries, and what that costs per month.
//
// +cache="never"
func (m *Ci) Cost(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Names of the images to count (default: all).
	//
	// +optional
	only []string,
	// How many versions of each image to count (default: 5).
	//
	// +optional
	versions int,
	// Measure what the registries store now, instead of the images that are built.
	//
	// +optional
	published bool,
	// Print Markdown instead of plain tables.
	//
	// +optional
	markdown bool,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	args := slices.Concat(named(only), number("--versions", versions), flags(map[string]bool{"--markdown": markdown, "--json": asJSON}))
	if published {
		return m.act(ctx, source, slices.Concat([]string{"cost", "--published"}, m.private(), m.public(), args)...)
	}
	return m.report(ctx, source, only, slices.Concat(m.cost(), args)...)
}

// CostPicture draws the layers that the registries store, as an SVG picture.
func (m *Ci) CostPicture(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
) (*dagger.File, error) {
	step, err := m.examine(ctx, source, nil, append(m.cost(), "--svg", "/layers.svg")...)
	if err != nil {
		return nil, err
	}
	if step, err = done(ctx, step); err != nil {
		return nil, err
	}
	return step.File("/layers.svg"), nil
}

func (m *Ci) cost() []string { return m.platformArgs("cost", "--from", layout) }
