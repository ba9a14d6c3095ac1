package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// FfmpegLayer returns the layer with ffmpeg and ffprobe. Every heavy image, that is, every image with ffmpeg, has the same bytes of it.
func (m *Ci) FfmpegLayer(ctx context.Context) (*dagger.File, error) {
	step, err := done(ctx, m.ffmpeg())
	if err != nil {
		return nil, err
	}
	return step.File("/ffmpeg.tar.gz"), nil
}

func (m *Ci) ffmpeg() *dagger.Container {
	args := slices.Concat(m.platformArgs("ffmpeg-layer", "--out", "/ffmpeg.tar.gz"), optional("--ffmpeg", m.FFmpegRef))
	return m.run(asked(m.step(m.golang(), m.described()), m.FFmpegRef), args...)
}
