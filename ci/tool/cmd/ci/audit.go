//go:build !steps

package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/audit"
)

func newAudit(a *app) *cobra.Command {
	var f buildFlags
	var from string
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Check that nothing private is public and that Lambda takes the images",
		Long: `Check that nothing private is public and that Lambda takes the images.

The gates, each for every image:

  imports  a public function reaches nothing below ` + audit.ProprietaryDir + `
  content  nothing of what is there is found in a public binary
  secrets  no credential is in binary, embedded files, sources or configuration
  ffmpeg   ffmpeg is in the image if and only if the binary reaches ` + audit.FFmpegDir + `
  licence  a public image with ffmpeg has its licences and says where its source is
  lambda   the image is one that Lambda takes
  budget   the image is no larger than the budget in its image.json, if it has one

A gate that had nothing to examine has failed. publish runs all of them before
its first request. A finding of the secret rules that is none can be allowed in
.gitleaks.toml; see https://github.com/gitleaks/gitleaks#configuration.`,
		Example: "  ci audit\n  ci audit --only enhance --json\n  ci audit --from dist",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			made, err := a.images(cmd, &f, from)
			if err != nil {
				return err
			}
			r, err := a.audit(cmd, made)
			if err != nil {
				return err
			}
			return errors.Join(a.print(cmd, r, func(w io.Writer) error { return r.Table(w) }), r.Err())
		},
	}
	f.addAll(cmd)
	addFrom(cmd, &from)
	return cmd
}

// audit asks every gate for the images.
func (a *app) audit(cmd *cobra.Command, m *made) (*audit.Report, error) {
	return audit.New(m.builder.Catalog, m.builder.Cache, m.builder.Step).Run(cmd.Context(), m.functions, m.dir)
}
