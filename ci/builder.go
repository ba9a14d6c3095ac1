package main

import (
	"context"
	"slices"
	"strings"

	"lambdas.internal/ci/internal/dagger"
)

// Paths in the containers of the steps.
const (
	workspace = "/src"
	toolPath  = "/usr/local/bin/ci"
	toolCache = "/cache"
	layout    = "/dist"
)

// Builder returns the container that compiles: the Go image that the source pins, the modules that go.work and the go.mod files require, and caches that stay after the call.
func (m *Ci) Builder(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
) (*dagger.Container, error) {
	from, err := m.functionBuilder(ctx, source)
	if err != nil {
		return nil, err
	}
	modules := source.Filter(dagger.DirectoryFilterOpts{
		Include: []string{"go.work", "go.work.sum", "**/go.mod", "**/go.sum"},
	})
	return m.goImage(from).
		WithDirectory(workspace, modules).
		WithWorkdir(workspace).
		WithExec([]string{"sh", "-c", download}), nil
}

// download fetches the modules of a workspace; without go.work, those of each module. What a module
// of no function cannot get is no error here, and what a function cannot get is one where it is compiled.
const download = `if [ -e go.work ]; then exec go mod download; fi; find . -name go.mod -execdir go mod download \;`

// golang returns the Go image in which the program is compiled and runs, with its caches.
func (m *Ci) golang() *dagger.Container { return m.goImage(m.ToolBuilder) }

func (m *Ci) goImage(reference string) *dagger.Container {
	return dag.Container().
		From(reference).
		WithEnvVariable("GOTOOLCHAIN", "local").
		WithMountedCache("/go/pkg/mod", m.volume("go-mod")).
		WithMountedCache("/root/.cache/go-build", m.volume("go-build"))
}

// volume returns a cache volume. All users of an engine share the volumes of one name.
func (m *Ci) volume(name string) *dagger.CacheVolume {
	return dag.CacheVolume(m.Volumes + "-" + name)
}

// withPackages returns the Go image with packages of its Debian.
func (m *Ci) withPackages(names ...string) *dagger.Container {
	return m.golang().
		WithExec([]string{"sh", "-c", "apt-get update -qq && apt-get install -qq --no-install-recommends " + strings.Join(names, " ")})
}

// tool returns the program ci with only the steps of a build. It compiles while the
// functions' modules are downloaded, in a fraction of the time of the whole program.
func (m *Ci) tool() *dagger.File { return m.program("-tags=steps") }

// program returns the program ci, compiled with the flags.
func (m *Ci) program(flags ...string) *dagger.File {
	return m.golang().
		WithDirectory("/tool", m.ToolSource).
		WithWorkdir("/tool").
		// The same setting as for the functions, so that both share the compiled standard library.
		WithEnvVariable("CGO_ENABLED", "0").
		WithExec(slices.Concat([]string{"go", "build", "-trimpath"}, flags, []string{"-o", toolPath, "./cmd/ci"})).
		File(toolPath)
}
