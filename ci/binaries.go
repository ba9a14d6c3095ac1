package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Binaries compiles all functions in one step and returns a folder with their binaries. It does not link again what did not change.
func (m *Ci) Binaries(
	ctx context.Context,
	// Names of the images to build (default: all).
	//
	// +optional
	only []string,
) (*dagger.Directory, error) {
	args := slices.Concat(m.platformArgs("binaries", "--out", "/binaries"), named(only))
	step, err := done(ctx, m.run(m.step(m.Builder(), m.Source), args...))
	if err != nil {
		return nil, err
	}
	return step.Directory("/binaries"), nil
}
