package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/report"
)

func newImage(a *app) *cobra.Command {
	var f buildFlags
	var name, out, from string
	cmd := &cobra.Command{
		Use:   "image",
		Short: "Build one image as an OCI archive",
		Long: `Build one image as an OCI archive: a tar that docker load, podman load and skopeo
read.`,
		Example: "  bin/ci image --name api --out api.tar\n  bin/ci image --name thumb --out - | docker load",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if out == "" {
				out = name + ".tar"
			}
			if from != "" {
				if err := refuse(cmd, "--layout", "what to build", "base", "ffmpeg", "mirror", "platform"); err != nil {
					return err
				}
				return writeArchive(out, from, name)
			}
			f.only = []string{name}
			r, dir, err := a.buildAll(cmd, &f, "")
			if err != nil {
				return err
			}
			if failed := r.Failed(); len(failed) > 0 {
				return failed[0]
			}
			if out == "-" {
				return layout.Archive(report.Raw(cmd.OutOrStdout()), dir, name)
			}
			if err := writeArchive(out, dir, name); err != nil {
				return err
			}
			return a.printBuild(cmd, r, out)
		},
	}
	required(cmd, &name, "name", "name of the image")
	cmd.Flags().StringVarP(&out, "out", "o", "", "file to write, - for standard output (default: NAME.tar)")
	cmd.Flags().StringVar(&from, "layout", "", "image layout to read the image from, instead of building it")
	f.addOne(cmd)
	return cmd
}

// writeArchive writes the archive to a file. If it fails, it leaves no partial file.
func writeArchive(out, dir, name string) error {
	w, err := os.CreateTemp(filepath.Dir(out), ".archive-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	defer os.Remove(w.Name())
	defer w.Close()
	if err := layout.Archive(w, dir, name); err != nil {
		return err
	}
	if err := w.Chmod(0o644); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	if err := w.Close(); err != nil {
		return fmt.Errorf("write %s: %w", out, err)
	}
	return os.Rename(w.Name(), out)
}
