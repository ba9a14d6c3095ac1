package main

import (
	"context"
	"slices"

	"lambdas.internal/ci/internal/dagger"
)

// Report writes an HTML page about a release: images, what changed and why, who deployed it.
//
// +cache="never"
func (m *Ci) Report(
	ctx context.Context,
	// Repository with its history: it says which files are the reason of a change.
	//
	// +defaultPath="/"
	// +ignore=["bin", "dist", ".cache", "**/*.tar"]
	repository *dagger.Directory,
	// Commit that the images were published under.
	commit string,
	// Published commit to compare with (default: the one before it).
	//
	// +optional
	since string,
	// What vulncheck --as-json printed.
	//
	// +optional
	vulnerabilities *dagger.File,
	// What verify --as-json printed.
	//
	// +optional
	verification *dagger.File,
	// Folder of the repository, if .git is a file, as in a linked work tree: "$(git rev-parse --git-common-dir)".
	//
	// +optional
	git *dagger.Directory,
) (*dagger.File, error) {
	in, err := withRepository(ctx, m.step(m.golang(), repository), repository, git, true)
	if err != nil {
		return nil, err
	}
	const page = "/report.html"
	args := slices.Concat([]string{"report", "--commit", commit, "--out", page}, optional("--since", since), m.private(), m.public())
	if vulnerabilities != nil {
		in = in.WithMountedFile("/run/vulnerabilities.json", vulnerabilities)
		args = append(args, "--vulnerabilities", "/run/vulnerabilities.json")
	}
	if verification != nil {
		in = in.WithMountedFile("/run/verification.json", verification)
		args = append(args, "--verification", "/run/verification.json")
	}
	step, err := done(ctx, m.run(m.aws(in), args...))
	if err != nil {
		return nil, err
	}
	return step.File(page), nil
}
