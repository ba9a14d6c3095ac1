package main

import (
	"context"

	"lambdas.internal/ci/internal/dagger"
)

// Test runs the tests of all modules, with real servers that run in the same container.
//
// +check
func (m *Ci) Test(
	ctx context.Context,
	// Repository to check.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache", ".git", "**/*.tar"]
	repository *dagger.Directory,
) error {
	return m.check(ctx, repository, "tools", "test")
}

// Lint runs go vet and the linter on all modules.
//
// +check
func (m *Ci) Lint(
	ctx context.Context,
	// Repository to check.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache", ".git", "**/*.tar"]
	repository *dagger.Directory,
) error {
	return m.check(ctx, repository, "bin/golangci-lint", "vet", "lint")
}

// Tidy fails if go mod tidy would change a go.mod or go.sum.
//
// +check
func (m *Ci) Tidy(
	ctx context.Context,
	// Repository to check.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache", ".git", "**/*.tar"]
	repository *dagger.Directory,
) error {
	return m.check(ctx, repository, "", "tidy-check")
}

// check runs make targets on the repository, in a container with Node. A make target
// also fetches the tools that these targets need. It is a step of its own that sees
// only the Makefile, so an edit of other files does not fetch the tools again.
func (m *Ci) check(ctx context.Context, repository *dagger.Directory, tools string, targets ...string) error {
	in := m.withPackages("make", "gcc", "libc6-dev", "nodejs", "npm").WithWorkdir(workspace)
	if tools != "" {
		in = in.
			WithFile("Makefile", repository.File("Makefile")).
			WithExec([]string{"make", tools})
	}
	_, err := in.
		WithDirectory(".", repository).
		WithExec(append([]string{"make"}, targets...)).
		Sync(ctx)
	return err
}
