package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// FfmpegLayer returns the layer with ffmpeg and ffprobe. Every heavy image, that is, every image with ffmpeg, has the same bytes of it.
func (m *Ci) FfmpegLayer(
	ctx context.Context,
	// Workspace to build: functions/, shared/, go.work and ci/images.lock.json.
	//
	// +defaultPath="/"
	// +ignore=["*", "!functions", "!shared", "!go.work", "!go.work.sum", "!ci", "ci/*", "!ci/images.lock.json", "!ci/pipeline.json", "!ci/public.json", "!.gitleaks.toml", "**/.git", "**/*.test"]
	source *dagger.Directory,
) (*dagger.File, error) {
	step, err := done(ctx, m.ffmpeg(source))
	if err != nil {
		return nil, err
	}
	return step.File("/ffmpeg.tar.gz"), nil
}

func (m *Ci) ffmpeg(source *dagger.Directory) *dagger.Container {
	args := slices.Concat(m.platformArgs("ffmpeg-layer", "--out", "/ffmpeg.tar.gz"), optional("--ffmpeg", m.FFmpegRef))
	return m.run(asked(m.step(m.golang(), described(source)), m.FFmpegRef), args...)
}
