package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Images assembles the images: an OCI image layout with every blob once, each manifest named after its image.
func (m *Ci) Images(
	// Images to make, by name; all when none is named.
	//
	// +optional
	only []string,
) *dagger.Directory {
	return m.assemble(only).Directory("/dist")
}

// BuildAll builds the images and prints, for each, its layers, their sizes and its digest.
func (m *Ci) BuildAll(
	ctx context.Context,
	// Images to make, by name; all when none is named.
	//
	// +optional
	only []string,
) (string, error) {
	return m.assemble(only).Stdout(ctx)
}

// Image is one image as a container: open a terminal in it, run it as a service, scan it.
func (m *Ci) Image(
	// Name of the image, such as "api"; `list` shows them.
	name string,
) *dagger.Container {
	archive := m.run(m.step(m.golang()).WithMountedDirectory("/dist", m.Images([]string{name})),
		"image", "--name", name, "--layout", "/dist", "--out", "/image.tar").
		File("/image.tar")
	return dag.Container(dagger.ContainerOpts{Platform: m.Platform}).Import(archive)
}

// assemble is the step that makes images from binaries, base and ffmpeg.
func (m *Ci) assemble(only []string) *dagger.Container {
	step := m.step(m.golang()).
		WithMountedDirectory("/binaries", m.Binaries(only)).
		WithMountedDirectory("/base", m.Base()).
		WithMountedFile("/ffmpeg.tar.gz", m.FfmpegLayer())
	return m.run(step, slices.Concat(
		m.platformArgs("images", "--binaries", "/binaries", "--base-layout", "/base", "--ffmpeg-layer", "/ffmpeg.tar.gz", "--out", "/dist"),
		each("--only", only))...)
}
