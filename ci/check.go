package main

import (
	"context"

	"lambdas.internal/ci/internal/dagger"
)

// Test runs the tests of all modules, against real servers that the container starts.
//
// +check
func (m *Ci) Test(
	ctx context.Context,
	// The repository.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache", ".git", "**/*.tar"]
	repository *dagger.Directory,
) error {
	return m.check(ctx, repository, "tools", "unit")
}

// Lint runs go vet and the linter on all modules.
//
// +check
func (m *Ci) Lint(
	ctx context.Context,
	// The repository.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache", ".git", "**/*.tar"]
	repository *dagger.Directory,
) error {
	return m.check(ctx, repository, "bin/golangci-lint", "vet", "lint")
}

// Tidy fails if a go.mod or go.sum is not what go mod tidy would write.
//
// +check
func (m *Ci) Tidy(
	ctx context.Context,
	// The repository.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache", ".git", "**/*.tar"]
	repository *dagger.Directory,
) error {
	return m.check(ctx, repository, "", "tidy-check")
}

// check runs make targets on the repository, in a container with Node. The tools
// that the targets need are a make target too; as a step of its own it sees the
// Makefile alone, so that they are there still after an edit.
func (m *Ci) check(ctx context.Context, repository *dagger.Directory, tools string, targets ...string) error {
	in := m.golang().
		WithExec([]string{"sh", "-c", "apt-get update -qq && apt-get install -qq --no-install-recommends make gcc libc6-dev nodejs npm"}).
		WithWorkdir(workspace)
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
