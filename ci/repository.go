package main

import (
	"context"
	"errors"
	"path/filepath"
	"strings"

	"lambdas.internal/ci/internal/dagger"
)

// errNoRepository is a folder without .git, such as an unpacked archive.
var errNoRepository = errors.New("there is no git repository here that says which commit this is; call it in a clone, or pass --allow-dirty")

// withRepository returns the container with the repository instead of the source, so that
// the program asks git about the commit. In a linked work tree, .git is a file that names a
// folder of the repository: git is mounted where that file says. A folder without .git is
// an error, unless unchecked is set.
func withRepository(ctx context.Context, in *dagger.Container, repository, git *dagger.Directory, unchecked bool) (*dagger.Container, error) {
	in = in.WithMountedDirectory(workspace, repository)
	whole, err := repository.Exists(ctx, ".git", dagger.DirectoryExistsOpts{ExpectedType: dagger.ExistsTypeDirectoryType})
	if err != nil || whole {
		return in, err
	}
	linked, err := repository.Exists(ctx, ".git")
	switch {
	case err != nil:
		return nil, err
	case !linked && unchecked:
		return in, nil
	case !linked:
		return nil, errNoRepository
	case git == nil:
		return nil, errors.New(`.git is a file here, as in a linked work tree, and the engine does not see the folder that it names; pass --git "$(git rev-parse --git-common-dir)"`)
	}
	text, err := repository.File(".git").Contents(ctx)
	if err != nil {
		return nil, err
	}
	folder := strings.TrimSpace(strings.TrimPrefix(text, "gitdir:"))
	if !filepath.IsAbs(folder) {
		folder = filepath.Join(workspace, folder)
	}
	// https://git-scm.com/docs/git-worktree#_details: each linked work tree has a folder of its own in the repository's.
	if above := filepath.Dir(folder); filepath.Base(above) == "worktrees" {
		folder = filepath.Dir(above)
	}
	return in.WithMountedDirectory(folder, git), nil
}
