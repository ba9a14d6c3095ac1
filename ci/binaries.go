package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Binaries compiles the functions, all in one step; those that did not change are not linked again.
func (m *Ci) Binaries(
	ctx context.Context,
	// Images to make, by name; all when none is named.
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
