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
		Short: "Check that nothing private is public and that Lambda accepts the images",
		Long: `Check that nothing private is public and that Lambda accepts the images.

A gate is a check that an image must pass before it is pushed. The gates of every
image:

  imports  a public function imports nothing private, and shares with private
           functions only what ` + audit.ExceptionsFile + ` lists
  content  a public image holds no text, code or numbers of private files
  secrets  no credential is in the binary, embedded files, sources or configuration
  ffmpeg   ffmpeg is in the image if and only if the binary uses ` + audit.FFmpegDir + `
  licence  a public image with ffmpeg holds its licences and says where its source is
  lambda   Lambda accepts the image, and its program can receive events
  budget   the image is not larger than the budget in its image.json, if it has one

Private is what is below ` + audit.ProprietaryDir + ` and in the folders of private functions.
A gate that finds nothing to examine fails. publish checks all gates before it sends
anything. If the secrets gate reports text that is not a secret, allow it in
.gitleaks.toml; see https://github.com/gitleaks/gitleaks#configuration. If the gate
content reports what all may read, allow it in ` + audit.ExceptionsFile + `; see docs/SECURITY.md.`,
		Example: "  bin/ci audit\n  bin/ci audit --only enhance --json\n  bin/ci audit --from dist",
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

// audit runs every gate on the images.
func (a *app) audit(cmd *cobra.Command, m *made) (*audit.Report, error) {
	return audit.New(m.builder.Catalog, m.builder.Cache, m.builder.Step).Run(cmd.Context(), m.functions, m.dir)
}
