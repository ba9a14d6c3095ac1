package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Base returns the image that all images start from, as an OCI image layout.
func (m *Ci) Base(
	ctx context.Context,
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/pipeline.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
) (*dagger.Directory, error) {
	step, err := done(ctx, m.base(source))
	if err != nil {
		return nil, err
	}
	return step.Directory("/base"), nil
}

func (m *Ci) base(source *dagger.Directory) *dagger.Container {
	args := slices.Concat(m.platformArgs("base", "--out", "/base"), optional("--base", m.BaseRef))
	return m.run(asked(m.step(m.golang(), described(source)), m.BaseRef), args...)
}
