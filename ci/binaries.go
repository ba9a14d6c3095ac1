package main

import (
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Binaries compiles the functions, all in one step; those that did not change are not linked again.
func (m *Ci) Binaries(
	// Images to make, by name; all when none is named.
	//
	// +optional
	only []string,
) *dagger.Directory {
	args := slices.Concat(m.platformArgs("binaries", "--out", "/binaries"), each("--only", only))
	return m.run(m.step(m.Builder()), args...).Directory("/binaries")
}
