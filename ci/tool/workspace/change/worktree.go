package change

import (
	"context"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// WorkTree is the workspace as it is now, to compare with commits.
type WorkTree struct {
	root     string
	packages []gobuild.Package
	versions Versions
}

// ReadWorkTree reads what the binaries of the functions are built from now.
func ReadWorkTree(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform) (*WorkTree, error) {
	packages, err := gobuild.Packages(ctx, c, functions, platform)
	if err != nil {
		return nil, err
	}
	versions, err := ReadVersions(func(name string) ([]byte, error) {
		data, err := os.ReadFile(filepath.Join(c.Root, filepath.FromSlash(name)))
		if os.IsNotExist(err) {
			err = nil
		}
		return data, err
	})
	return &WorkTree{c.Root, packages, versions}, err
}

// Since reads what changed since the commit.
func (w *WorkTree) Since(ctx context.Context, then string) (Since, error) {
	s := Since{Root: w.root, Packages: w.packages, After: w.versions}
	var err error
	if s.Files, err = commit.Changed(ctx, w.root, then); err != nil {
		return s, err
	}
	s.Before, err = ReadVersions(func(name string) ([]byte, error) { return commit.File(ctx, w.root, then, name) })
	return s, err
}
