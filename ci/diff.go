package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Diff compares the images with those of a published commit or tag: sizes, new layers, Go packages that grew, versions that changed.
//
// +cache="never"
func (m *Ci) Diff(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// What to compare with: latest, live, or a published commit.
	//
	// +default="latest"
	from string,
	// Names of the images to compare (default: all).
	//
	// +optional
	only []string,
	// How many packages to show for each image, the largest changes first (default: 10).
	//
	// +optional
	top int,
	// Print Markdown instead of a plain table.
	//
	// +optional
	markdown bool,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	in, err := m.withImages(ctx, source, only)
	if err != nil {
		return "", err
	}
	return output(ctx, m.run(m.aws(in), slices.Concat([]string{"diff", from, layout}, named(only), m.private(), m.public(),
		number("--top", top), flags(map[string]bool{"--markdown": markdown, "--json": asJSON}))...))
}
