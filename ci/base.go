package main

import (
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Base fetches the image that all others start from, as an OCI image layout.
func (m *Ci) Base() *dagger.Directory {
	args := slices.Concat(m.platformArgs("base", "--out", "/base"), flag("--base", m.BaseRef))
	return m.run(m.step(m.golang()), args...).Directory("/base")
}

// FfmpegLayer makes the layer that holds ffmpeg and ffprobe, the same bytes in every heavy image.
func (m *Ci) FfmpegLayer() *dagger.File {
	args := slices.Concat(m.platformArgs("ffmpeg-layer", "--out", "/ffmpeg.tar.gz"), flag("--ffmpeg", m.FFmpegRef))
	return m.run(m.step(m.golang()), args...).File("/ffmpeg.tar.gz")
}
