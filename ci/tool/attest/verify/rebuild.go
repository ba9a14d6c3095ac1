package verify

import (
	"context"
	"errors"
	"path/filepath"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Rebuild builds the workspace at root, which is a checkout of a commit, with the
// settings of here. only selects images by name; none is all.
func Rebuild(ctx context.Context, here *build.Builder, root string, only []string) (images map[string]publish.Image, functions []catalog.Function, err error) {
	b := *here
	if b.Catalog, err = catalog.Load(root); err != nil {
		return nil, nil, err
	}
	if b.Lock, err = lock.Load(root); err != nil {
		return nil, nil, err
	}
	if functions, err = b.Catalog.Select(only); err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, b.Forget()) }()
	dir := filepath.Join(root, "dist")
	made, err := b.All(ctx, functions, dir)
	if err != nil {
		return nil, nil, err
	}
	if failed := made.Failed(); len(failed) > 0 {
		return nil, nil, errors.Join(failed...)
	}
	images, err = publish.ReadImages(dir, functions, b.Cache)
	return images, functions, err
}
