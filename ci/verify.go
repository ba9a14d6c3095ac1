package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Verify builds a commit again and compares it with what is published under it, layer by layer.
//
// +cache="never"
func (m *Ci) Verify(
	ctx context.Context,
	// Repository with its history, which has the commit.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache", "**/*.tar"]
	repository *dagger.Directory,
	// Commit to build again, and to find in the registries.
	commit string,
	// Names of the images to compare (default: all).
	//
	// +optional
	only []string,
) (string, error) {
	args := slices.Concat([]string{"verify", "--commit", commit}, optional("--base", m.BaseRef), optional("--ffmpeg", m.FFmpegRef),
		named(only), m.private(), m.public())
	return output(ctx, m.run(m.aws(m.step(m.golang(), repository)), m.platformArgs(args...)...))
}
