package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// FfmpegLayer returns the layer with ffmpeg and ffprobe. Every heavy image, that is, every image with ffmpeg, has the same bytes of it.
func (m *Ci) FfmpegLayer(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
) (*dagger.File, error) {
	platform, err := m.onePlatform(ctx, source, nil)
	if err != nil {
		return nil, err
	}
	step, err := done(ctx, m.ffmpeg(source, platform))
	if err != nil {
		return nil, err
	}
	return step.File("/ffmpeg.tar.gz"), nil
}

func (m *Ci) ffmpeg(source *dagger.Directory, platform string) *dagger.Container {
	args := slices.Concat([]string{"ffmpeg-layer", "--out", "/ffmpeg.tar.gz", "--platform", platform}, optional("--ffmpeg", m.FFmpegRef))
	return m.run(m.step(m.golang(), described(source)), args...)
}
