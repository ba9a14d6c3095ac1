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
	// Folder of the repository, if .git is a file, as in a linked work tree: "$(git rev-parse --git-common-dir)".
	//
	// +optional
	git *dagger.Directory,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	in, err := withRepository(ctx, m.step(m.golang(), repository), repository, git, true)
	if err != nil {
		return "", err
	}
	args := slices.Concat([]string{"verify", "--commit", commit}, optional("--base", m.BaseRef), optional("--ffmpeg", m.FFmpegRef),
		named(only), m.private(), m.public(), flags(map[string]bool{"--json": asJSON}))
	return output(ctx, m.run(m.aws(in), m.platformArgs(args...)...))
}
