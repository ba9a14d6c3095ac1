package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Plan shows what publish and deploy would do for each function, and why.
//
// +cache="never"
func (m *Ci) Plan(
	ctx context.Context,
	// Workspace to build: a repository with Go functions, of which each has an image.json.
	//
	// +defaultPath="/"
	// +ignore=["**/.git", ".github", ".cache", "bin", "dist", "ci/tool", "ci/enginetest", "ci/testdata", "**/node_modules", "**/cdk.out", "**/.aws-sam", "**/.terraform", "**/.env", "**/.env.*", "**/*.test"]
	source *dagger.Directory,
	// Repository with its history; the commit must be the one that is checked out, and must hold what is built.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache"]
	repository *dagger.Directory,
	// Commit to plan for, 7 to 40 hexadecimal digits.
	commit string,
	// Names of the images to plan for (default: all).
	//
	// +optional
	only []string,
	// Commit to compare the sources with (default: the one that the function runs).
	//
	// +optional
	since string,
	// Plan with uncommitted changes, or where there is no repository to check the commit in.
	//
	// +optional
	allowDirty bool,
	// Folder of the repository, if .git is a file, as in a linked work tree: "$(git rev-parse --git-common-dir)".
	//
	// +optional
	git *dagger.Directory,
	// Print Markdown, for a comment or the summary of a job.
	//
	// +optional
	markdown bool,
	// Print the result as JSON.
	//
	// +optional
	asJSON bool,
) (string, error) {
	in, err := m.withImages(ctx, source, only)
	if err != nil {
		return "", err
	}
	in, err = withRepository(ctx, in, repository.WithDirectory("/", source), git, allowDirty)
	if err != nil {
		return "", err
	}
	return m.release(ctx, in, only, slices.Concat(
		[]string{"plan", "--commit", commit}, m.private(), m.public(),
		optional("--since", since), flags(map[string]bool{"--allow-dirty": allowDirty, "--markdown": markdown, "--json": asJSON}))...)
}
