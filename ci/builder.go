package main

import (
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Where things are in the step containers.
const (
	workspace = "/src"
	toolPath  = "/usr/local/bin/ci"
	toolCache = "/cache"
)

// Builder is the container that compiles: the pinned Go image, the modules that go.work and the go.mod files ask for, and caches that outlive a call.
func (m *Ci) Builder() *dagger.Container {
	modules := m.Source.Filter(dagger.DirectoryFilterOpts{
		Include: []string{"go.work", "go.work.sum", "**/go.mod", "**/go.sum"},
	})
	return m.golang().
		WithDirectory(workspace, modules).
		WithWorkdir(workspace).
		WithExec([]string{"go", "mod", "download"})
}

// golang is the pinned Go image with its caches.
func (m *Ci) golang() *dagger.Container {
	return dag.Container().
		From(m.BuilderRef).
		WithEnvVariable("GOTOOLCHAIN", "local").
		WithMountedCache("/go/pkg/mod", dag.CacheVolume("lambdas-go-mod")).
		WithMountedCache("/root/.cache/go-build", dag.CacheVolume("lambdas-go-build"))
}

// tool is the program ci with nothing but the steps of a build: compiled beside
// the functions' module download, in a fraction of the time of the whole.
func (m *Ci) tool() *dagger.File { return m.program("-tags=steps") }

// program is ci, compiled with the flags.
func (m *Ci) program(flags ...string) *dagger.File {
	return m.golang().
		WithDirectory("/tool", m.ToolSource).
		WithWorkdir("/tool").
		// As for the functions, with which it shares the compiled standard library.
		WithEnvVariable("CGO_ENABLED", "0").
		WithExec(slices.Concat([]string{"go", "build", "-trimpath"}, flags, []string{"-o", toolPath, "./cmd/ci"})).
		File(toolPath)
}
