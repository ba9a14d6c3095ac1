package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Images builds the images and returns them as an OCI image layout: every blob once, each manifest named after its image.
func (m *Ci) Images(
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
	step, err := done(ctx, m.assemble(source, layout, only))
	if err != nil {
		return nil, err
	}
	return step.Directory(layout), nil
}

// BuildAll builds the images and prints a table: the layers of each image, their sizes and its digest.
func (m *Ci) BuildAll(
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
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	// Nobody reads this layout. In the volume its files are links, not copies.
	return output(ctx, m.assemble(source, toolCache+"/images", only, flags(map[string]bool{"--json": asJSON})...))
}

// Image returns one image as a container: open a terminal in it, run it as a service, or scan it.
func (m *Ci) Image(
	ctx context.Context,
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/pipeline.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
	// Name of the image, such as "api"; `list` shows them.
	name string,
) (*dagger.Container, error) {
	images := m.built(source, []string{name})
	step, err := done(ctx, m.run(m.step(m.golang(), described(source)).WithMountedDirectory(layout, images),
		"image", "--name", name, "--layout", layout, "--out", "/image.tar"))
	if err != nil {
		return nil, err
	}
	return dag.Container(dagger.ContainerOpts{Platform: dagger.Platform(m.Platform)}).Import(step.File("/image.tar")), nil
}

// assemble returns the step that compiles the functions and makes their images, from
// the base and the ffmpeg layer, in the image layout out. It is a single step, so that
// an edit runs only one step again.
func (m *Ci) assemble(source *dagger.Directory, out string, only []string, flags ...string) *dagger.Container {
	step := m.step(m.Builder(source), source).
		WithMountedDirectory("/base", m.base(source).Directory("/base")).
		WithMountedFile("/ffmpeg.tar.gz", m.ffmpeg(source).File("/ffmpeg.tar.gz"))
	return m.run(step, slices.Concat(
		m.platformArgs("images", "--base-layout", "/base", "--ffmpeg-layer", "/ffmpeg.tar.gz", "--out", out),
		named(only), flags)...)
}
