package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/commit"
)

// catalog reads the workspace.
func (a *app) catalog() (*catalog.Catalog, error) {
	root, err := a.workspace()
	if err != nil {
		return nil, err
	}
	return catalog.Load(root)
}

// workspace returns the folder of the workspace.
func (a *app) workspace() (string, error) {
	root := a.root
	if root == "" {
		dir, err := filepath.Abs(".")
		if err != nil {
			return "", fmt.Errorf("find the workspace: %w", err)
		}
		if root, err = findRoot(dir); err != nil {
			return "", err
		}
	}
	if _, err := os.Stat(root); err != nil {
		return "", usageError{fmt.Errorf("--root: %w; pass the folder with go.work and %s/", err, catalog.Dir)}
	}
	return root, nil
}

// selected returns the catalog and the functions whose images are named, or all if
// none is named.
func (a *app) selected(images []string) (*catalog.Catalog, []catalog.Function, error) {
	c, err := a.catalog()
	if err != nil {
		return nil, nil, err
	}
	functions, err := c.Select(images)
	if err != nil {
		return nil, nil, err
	}
	return c, functions, nil
}

// findRoot returns the nearest folder, from dir upwards, that is a workspace.
func findRoot(dir string) (string, error) {
	found, ok := upwards(dir, func(at string) bool {
		_, pipeline := os.Stat(filepath.Join(at, filepath.FromSlash(catalog.PipelineFile)))
		_, err := os.Stat(filepath.Join(at, "go.work"))
		functions, err2 := os.Stat(filepath.Join(at, catalog.Dir))
		return pipeline == nil || err == nil && err2 == nil && functions.IsDir()
	})
	if !ok {
		return "", usageError{fmt.Errorf("no workspace (%s, or go.work and %s/) in %s or above; pass one with --root, or make one: bin/ci init", catalog.PipelineFile, catalog.Dir, dir)}
	}
	return found, nil
}

// upwards returns the nearest folder that is what is looked for: dir, or one above it.
func upwards(dir string, is func(at string) bool) (at string, ok bool) {
	for at = dir; !is(at); at = filepath.Dir(at) {
		if at == filepath.Dir(at) {
			return "", false
		}
	}
	return at, true
}

// checkCommit checks the commit that a flag names, if it was given.
func checkCommit(flag, name string) error {
	if name == "" {
		return nil
	}
	if err := commit.Check(name); err != nil {
		return usageError{fmt.Errorf("--%s: %w", flag, err)}
	}
	return nil
}

// print prints v as JSON if asked to, else calls table.
func (a *app) print(cmd *cobra.Command, v any, table func(io.Writer) error) error {
	if a.json {
		return report.JSON(cmd.OutOrStdout(), v)
	}
	return table(cmd.OutOrStdout())
}
