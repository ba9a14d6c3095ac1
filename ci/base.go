package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Base returns the image that all images start from, as an OCI image layout.
func (m *Ci) Base(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
) (*dagger.Directory, error) {
	platform, err := m.onePlatform(ctx, source, nil)
	if err != nil {
		return nil, err
	}
	step, err := done(ctx, m.base(source, platform))
	if err != nil {
		return nil, err
	}
	return step.Directory("/base"), nil
}

func (m *Ci) base(source *dagger.Directory, platform string) *dagger.Container {
	args := slices.Concat([]string{"base", "--no-fallback", "--out", "/base", "--platform", platform}, optional("--base", m.BaseRef))
	return m.run(m.step(m.golang(), described(source)), args...)
}
