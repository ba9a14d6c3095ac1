package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// FfmpegLayer makes the layer that holds ffmpeg and ffprobe, the same bytes in every heavy image.
func (m *Ci) FfmpegLayer(ctx context.Context) (*dagger.File, error) {
	step, err := done(ctx, m.ffmpeg())
	if err != nil {
		return nil, err
	}
	return step.File("/ffmpeg.tar.gz"), nil
}

func (m *Ci) ffmpeg() *dagger.Container {
	args := slices.Concat(m.platformArgs("ffmpeg-layer", "--out", "/ffmpeg.tar.gz"), optional("--ffmpeg", m.FFmpegRef))
	return m.run(m.step(m.golang(), m.described()), args...)
}
