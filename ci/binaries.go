package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Binaries compiles all functions in one step and returns a folder with their binaries. It does not link again what did not change.
func (m *Ci) Binaries(
	ctx context.Context,
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/pipeline.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
	// Names of the images to build (default: all).
	//
	// +optional
	only []string,
) (*dagger.Directory, error) {
	args := slices.Concat(m.platformArgs("binaries", "--out", "/binaries"), named(only))
	step, err := done(ctx, m.run(m.step(m.Builder(source), source), args...))
	if err != nil {
		return nil, err
	}
	return step.Directory("/binaries"), nil
}
