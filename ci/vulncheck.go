package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Vulncheck names the functions to redeploy because of a known vulnerability in a Go module.
//
// +cache="never"
func (m *Ci) Vulncheck(
	ctx context.Context,
	// Names of the images whose functions are checked (default: all).
	//
	// +optional
	only []string,
	// Copy of the vulnerability database (default: https://vuln.go.dev).
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
