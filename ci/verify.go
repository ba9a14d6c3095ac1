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
	// The repository with its history, in which the commit is.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache", "**/*.tar"]
	repository *dagger.Directory,
	// Commit to build, and to look for in the registries.
	commit string,
	// Images to compare, by name; all when none is named.
	//
	// +optional
	only []string,
) (string, error) {
	args := slices.Concat([]string{"verify", "--commit", commit}, optional("--base", m.BaseRef), optional("--ffmpeg", m.FFmpegRef),
		named(only), m.private(), m.public())
	return output(ctx, m.run(m.aws(m.step(m.golang(), repository)), m.platformArgs(args...)...))
}
