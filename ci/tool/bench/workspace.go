package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// copyWorkspace copies the sources of the images to the folder to, so that the cases can
// edit them, and reads the catalog there.
func copyWorkspace(from, to string) (*catalog.Catalog, error) {
	for _, dir := range []string{catalog.Dir, "shared"} {
		if err := os.CopyFS(filepath.Join(to, dir), os.DirFS(filepath.Join(from, dir))); err != nil {
			return nil, fmt.Errorf("copy the workspace: %w", err)
		}
	}
	if err := copyFiles(from, to, "go.work", "go.work.sum"); err != nil {
		return nil, err
	}
	if err := copyPipeline(from, to); err != nil {
		return nil, err
	}
	return catalog.Load(to)
}

// copyPipeline copies the lock file, the Dagger module, the program and the Dockerfiles.
func copyPipeline(from, to string) error {
	if err := os.CopyFS(filepath.Join(to, "ci"), os.DirFS(filepath.Join(from, "ci"))); err != nil {
		return fmt.Errorf("copy the pipeline: %w", err)
	}
	return copyFiles(from, to, "dagger.json", ".dockerignore")
}

// copyFiles copies the named files, except those that do not exist.
func copyFiles(from, to string, names ...string) error {
	for _, name := range names {
		target := filepath.Join(to, name)
		err := os.MkdirAll(filepath.Dir(target), 0o755)
		if err == nil {
			err = cache.Copy(filepath.Join(from, name), target)
		}
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("copy the workspace: %w", err)
		}
	}
	return nil
}
