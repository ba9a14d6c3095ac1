package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Vulncheck names the functions that a known vulnerability makes redeploy.
//
// +cache="never"
func (m *Ci) Vulncheck(
	ctx context.Context,
	// Functions to look at, by the name of their image; all when none is named.
	//
	// +optional
	only []string,
	// Copy of the vulnerability database; https://vuln.go.dev when there is none.
	//
	// +optional
	db *dagger.Directory,
) (string, error) {
	step := always(m.step(m.Builder(), m.Source).WithFile(toolPath, m.program()))
	args := slices.Concat(m.platformArgs("vulncheck"), named(only))
	if db != nil {
		step = step.WithMountedDirectory("/vulndb", db)
		args = append(args, "--db", "/vulndb")
	}
	return output(ctx, m.run(step, args...))
}
