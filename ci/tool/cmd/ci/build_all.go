package main

import (
	"errors"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/build"
)

func newBuildAll(a *app) *cobra.Command {
	var f buildFlags
	var out string
	cmd := &cobra.Command{
		Use:   "build-all",
		Short: "Build all images into one OCI image layout, dist/",
		Long: `Build all images into one OCI image layout, dist/.

An image whose inputs did not change since the last run is reused. If a function does
not compile, its name and the compiler's messages are printed, the other images are
still built, and the exit code is 1.

With several platforms, the layout holds each image once for each, and their names have
the architecture: api:amd64, api:arm64. What reads such a layout (--from, diff) takes the
images for the architecture of each function, or those that --platform names.`,
		Example: "  bin/ci build-all\n  bin/ci build-all --only api,thumb\n  bin/ci build-all --platform linux/arm64 --json\n  bin/ci build-all --platform linux/amd64,linux/arm64",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			architectures, err := f.architectures()
			if err != nil {
				return err
			}
			r, dir, err := a.buildEach(cmd, &f, architectures, out)
			if err != nil {
				return err
			}
			return a.printBuild(cmd, r, dir)
		},
	}
	f.addAll(cmd)
	addOut(cmd, &out)
	return cmd
}

func addOut(cmd *cobra.Command, out *string) {
	cmd.Flags().StringVarP(out, "out", "o", "", "folder of the image layout to write (default: dist in the workspace)")
}

// buildAll builds the images that the flags select and returns the folder it wrote them to.
func (a *app) buildAll(cmd *cobra.Command, f *buildFlags, out string) (*build.Report, string, error) {
	return a.buildEach(cmd, f, nil, out)
}

// buildEach is [app.buildAll] for each of the architectures, or if there is none, for one.
func (a *app) buildEach(cmd *cobra.Command, f *buildFlags, architectures []string, out string) (*build.Report, string, error) {
	b, err := a.builder(cmd, f)
	if err != nil {
		return nil, "", err
	}
	functions, err := b.Catalog.Select(f.only)
	if err != nil {
		return nil, "", err
	}
	if out == "" {
		out = filepath.Join(b.Catalog.Root, "dist")
	}
	if len(architectures) > 0 {
		r, err := b.Each(cmd.Context(), architectures, functions, out)
		return r, out, err
	}
	r, err := b.All(cmd.Context(), functions, out)
	return r, out, err
}

// printBuild prints the images that were built and returns the errors of the others.
func (a *app) printBuild(cmd *cobra.Command, r *build.Report, dir string) error {
	warn(cmd, r.Warnings)
	err := a.print(cmd, r, func(w io.Writer) error { return r.Table(w, dir) })
	return errors.Join(append(r.Failed(), err)...)
}
