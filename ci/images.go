package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Images assembles the images: an OCI image layout with every blob once, each manifest named after its image.
func (m *Ci) Images(
	ctx context.Context,
	// Images to make, by name; all when none is named.
	//
	// +optional
	only []string,
) (*dagger.Directory, error) {
	step, err := done(ctx, m.assemble(layout, only))
	if err != nil {
		return nil, err
	}
	return step.Directory(layout), nil
}

// BuildAll builds the images and prints, for each, its layers, their sizes and its digest.
func (m *Ci) BuildAll(
	ctx context.Context,
	// Images to make, by name; all when none is named.
	//
	// +optional
	only []string,
) (string, error) {
	// Nobody reads the layout: within the volume it is links, not copies.
	return output(ctx, m.assemble(toolCache+"/dist", only))
}

// Image is one image as a container: open a terminal in it, run it as a service, scan it.
func (m *Ci) Image(
	ctx context.Context,
	// Name of the image, such as "api"; `list` shows them.
	name string,
) (*dagger.Container, error) {
	images := m.built([]string{name})
	step, err := done(ctx, m.run(m.step(m.golang(), m.described()).WithMountedDirectory(layout, images),
		"image", "--name", name, "--layout", layout, "--out", "/image.tar"))
	if err != nil {
		return nil, err
	}
	return dag.Container(dagger.ContainerOpts{Platform: m.Platform}).Import(step.File("/image.tar")), nil
}

// assemble is the step that compiles the functions and makes images of them, on
// the base and the ffmpeg layer, in the image layout out. It is one step, so that
// an edit runs one.
func (m *Ci) assemble(out string, only []string) *dagger.Container {
	step := m.step(m.Builder(), m.Source).
		WithMountedDirectory("/base", m.base().Directory("/base")).
		WithMountedFile("/ffmpeg.tar.gz", m.ffmpeg().File("/ffmpeg.tar.gz"))
	return m.run(step, slices.Concat(
		m.platformArgs("images", "--base-layout", "/base", "--ffmpeg-layer", "/ffmpeg.tar.gz", "--out", out),
		named(only))...)
}
