package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Binaries compiles all functions in one step and returns a folder with their binaries. It does not link again what did not change.
func (m *Ci) Binaries(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Names of the images to build (default: all).
	//
	// +optional
	only []string,
) (*dagger.Directory, error) {
	platform, err := m.onePlatform(ctx, source, only)
	if err != nil {
		return nil, err
	}
	builder, err := m.Builder(ctx, source)
	if err != nil {
		return nil, err
	}
	args := slices.Concat([]string{"binaries", "--out", "/binaries", "--platform", platform}, named(only))
	step, err := done(ctx, m.run(m.step(builder, source), args...))
	if err != nil {
		return nil, err
	}
	return step.Directory("/binaries"), nil
}
