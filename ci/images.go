package main

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"lambdas.internal/ci/internal/dagger"
)

// Images builds the images and returns them as an OCI image layout: every blob once, each manifest named after its image.
func (m *Ci) Images(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Names of the images to build (default: all).
	//
	// +optional
	only []string,
) (*dagger.Directory, error) {
	step, err := m.assemble(ctx, source, layout, only)
	if err != nil {
		return nil, err
	}
	if step, err = done(ctx, step); err != nil {
		return nil, err
	}
	return step.Directory(layout), nil
}

// BuildAll builds the images and prints a table: the layers of each image, their sizes and its digest.
func (m *Ci) BuildAll(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
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
	step, err := m.assemble(ctx, source, toolCache+"/images", only, flags(map[string]bool{"--json": asJSON})...)
	if err != nil {
		return "", err
	}
	return output(ctx, step)
}

// Image returns one image as a container: open a terminal in it, run it as a service, or scan it.
func (m *Ci) Image(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Name of the image, such as "api"; `list` shows them.
	name string,
) (*dagger.Container, error) {
	platform, err := m.onePlatform(ctx, source, []string{name})
	if err != nil {
		return nil, err
	}
	images, err := m.built(ctx, source, []string{name})
	if err != nil {
		return nil, err
	}
	step, err := done(ctx, m.run(m.step(m.golang(), described(source)).WithMountedDirectory(layout, images),
		"image", "--name", name, "--layout", layout, "--out", "/image.tar"))
	if err != nil {
		return nil, err
	}
	return dag.Container(dagger.ContainerOpts{Platform: dagger.Platform(platform)}).Import(step.File("/image.tar")), nil
}

// assemble returns the step that compiles the functions and makes their images, from
// the base and the ffmpeg layer of each platform, in the image layout out. It is a single step, so that
// an edit runs only one step again.
func (m *Ci) assemble(ctx context.Context, source *dagger.Directory, out string, only []string, flags ...string) (*dagger.Container, error) {
	builder, err := m.Builder(ctx, source)
	if err != nil {
		return nil, err
	}
	// Modules are fetched while the program compiles, which lists the functions.
	var fetched sync.WaitGroup
	var fetchErr error
	fetched.Go(func() { _, fetchErr = done(ctx, builder) })
	functions, err := m.functions(ctx, source, only)
	fetched.Wait()
	if err = cmp.Or(err, fetchErr); err != nil {
		return nil, err
	}
	step, args := m.step(builder, source), m.platformArgs("images", "--out", out)
	for _, t := range m.targets(functions) {
		_, architecture, _ := strings.Cut(t.platform, "/")
		base := "/base/" + architecture
		step = step.WithMountedDirectory(base, m.base(source, t.platform).Directory("/base"))
		args = append(args, "--base-layout", architecture+"="+base)
		if t.ffmpeg {
			layer := "/ffmpeg/" + architecture + ".tar.gz"
			step = step.WithMountedFile(layer, m.ffmpeg(source, t.platform).File("/ffmpeg.tar.gz"))
			args = append(args, "--ffmpeg-layer", architecture+"="+layer)
		}
	}
	return m.run(step, slices.Concat(args, named(only), flags)...), nil
}

// built returns the images as an OCI image layout.
func (m *Ci) built(ctx context.Context, source *dagger.Directory, only []string) (*dagger.Directory, error) {
	step, err := m.assemble(ctx, source, layout, only)
	if err != nil {
		return nil, err
	}
	return step.Directory(layout), nil
}

// withImages returns the container in which commands work on the built images.
func (m *Ci) withImages(ctx context.Context, source *dagger.Directory, only []string) (*dagger.Container, error) {
	images, err := m.built(ctx, source, only)
	if err != nil {
		return nil, err
	}
	builder, err := m.Builder(ctx, source)
	if err != nil {
		return nil, err
	}
	return m.step(builder, source).WithMountedDirectory(layout, images), nil
}

// examine returns the step that runs one command of the whole program on the images.
func (m *Ci) examine(ctx context.Context, source *dagger.Directory, only []string, args ...string) (*dagger.Container, error) {
	in, err := m.withImages(ctx, source, only)
	if err != nil {
		return nil, err
	}
	return m.run(in.WithFile(toolPath, m.program()), args...), nil
}

// report runs one command of the whole program on the images, and returns what it printed.
func (m *Ci) report(ctx context.Context, source *dagger.Directory, only []string, args ...string) (string, error) {
	step, err := m.examine(ctx, source, only, args...)
	if err != nil {
		return "", err
	}
	return output(ctx, step)
}
