//go:build !steps

package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/workspace/adopt"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

func newInit(a *app) *cobra.Command {
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a repository of Go Lambda functions ready for this program",
		Long: `Make a repository of Go Lambda functions ready for this program.

It looks for the programs that use aws-lambda-go, and writes an image.json beside each,
` + catalog.PipelineFile + ` and ` + lock.File + `. A file that is there stays as it is.
One report says what was found, what only you can decide, what would be better, and what
is missing before a build. Every image is private until its image.json says public.

Then build-all, audit, publish --local and invoke work. go.work is not needed: without it,
each module is built by itself.`,
		Example: "  bin/ci init --root ../lambdas --dry-run\n  bin/ci init",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			root, err := a.repository()
			if err != nil {
				return err
			}
			version, _, _ := strings.Cut(runtime.Version(), " ")
			p, err := adopt.Propose(root, version)
			if err != nil {
				return err
			}
			if dryRun {
				return a.print(cmd, p, func(w io.Writer) error {
					if err := p.Table(w); err != nil {
						return err
					}
					_, err := fmt.Fprintf(w, "would write: %s\n", strings.Join(p.Files(), ", "))
					return err
				})
			}
			if err := p.Write(root); err != nil {
				return err
			}
			p.Check(root)
			if err := a.print(cmd, p, func(w io.Writer) error { return printAdopted(w, p) }); err != nil {
				return err
			}
			if len(p.Missing) > 0 {
				return errors.New("the files are written; do what is missing, then run the same command again")
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "print what would be written; change nothing")
	return cmd
}

func printAdopted(w io.Writer, p *adopt.Proposal) error {
	if err := p.Table(w); err != nil || len(p.Missing) > 0 {
		return err
	}
	_, err := fmt.Fprintln(w, "next: bin/ci build-all, bin/ci audit, bin/ci publish --local")
	return err
}

// repository returns the folder to work in: --root, or the nearest folder upwards that has
// go.work or .git, else the current one.
func (a *app) repository() (string, error) {
	dir, err := filepath.Abs(".")
	if err != nil {
		return "", fmt.Errorf("find the repository: %w", err)
	}
	if a.root != "" {
		info, err := os.Stat(a.root)
		if err != nil || !info.IsDir() {
			return "", usageError{fmt.Errorf("--root: %s is not a folder; pass that of the repository", a.root)}
		}
		return filepath.EvalSymlinks(a.root)
	}
	found, ok := upwards(dir, func(at string) bool {
		return slices.ContainsFunc([]string{"go.work", ".git", filepath.FromSlash(catalog.PipelineFile)}, func(name string) bool {
			_, err := os.Lstat(filepath.Join(at, name))
			return err == nil
		})
	})
	if !ok {
		found = dir
	}
	return filepath.EvalSymlinks(found)
}
