//go:build !steps

package main

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/audit"
	"lambdas.internal/ci/tool/workspace/catalog"
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

  assembly  the image is exactly what bin/ci assembles: base, ffmpeg, binary, nothing else
  imports   a public function imports nothing private, and shares with private
            functions only what ` + audit.ExceptionsFile + ` lists
  content   a public image holds no text, code or numbers of private files
  secrets   no credential is in the image, its embedded files or sources
  ffmpeg    ffmpeg is in the image if and only if the binary uses the package
            that ` + catalog.PipelineFile + ` names
  licence   a public image with ffmpeg holds its licences and says where its source is
  lambda    Lambda accepts the image, and its program can receive events
  budget    the image is not larger than the budget in its image.json, if it has one

Private is what is below the folders that ` + catalog.PipelineFile + ` names proprietary, and in the
folders of private functions.
The gates content and secrets read the binary, the configuration, the manifest, and every
file of every layer that is not known to be pinned. A gate that finds nothing to examine
fails. publish checks all gates before it sends anything. If the secrets gate reports
text that is not a secret, allow it in .gitleaks.toml; see
https://github.com/gitleaks/gitleaks#configuration. If the gate content reports what all
may read, allow it in ` + audit.ExceptionsFile + `; see docs/SECURITY.md.`,
		Example: "  bin/ci audit\n  bin/ci audit --only enhance --json\n  bin/ci audit --from dist",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			made, err := a.images(cmd, &f, from)
			if err != nil {
				return err
			}
			r, _, err := a.audit(cmd, made, false)
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

// audit runs every gate on the images. With fetch, pinned parts that the cache does not have
// are fetched, so that the images can be compared with them.
func (a *app) audit(cmd *cobra.Command, m *made, fetch bool) (*audit.Report, auditors, error) {
	var all *audit.Report
	by := auditors{}
	for _, part := range m.builder.Parts(m.functions) {
		ctx, done := m.builder.Step(cmd.Context(), "read the pinned parts")
		parts, err := part.Known(ctx, part.Functions, fetch)
		done(err)
		if err != nil {
			return nil, nil, err
		}
		warn(cmd, parts.Unread)
		auditor := audit.New(m.builder.Catalog, parts, m.builder.Cache, m.builder.Step)
		r, err := auditor.Run(cmd.Context(), part.Functions, m.dir)
		if err != nil {
			return nil, nil, err
		}
		all = all.With(r)
		for _, f := range part.Functions {
			by[f.Image] = auditor
		}
	}
	return all, by, nil
}

// auditors judge the images of one platform each. They are by image.
type auditors map[string]*audit.Auditor

// documents judges what is attached to the images.
func (by auditors) documents(ctx context.Context, all []audit.Document) error {
	of := map[*audit.Auditor][]audit.Document{}
	for _, d := range all {
		of[by[d.Image]] = append(of[by[d.Image]], d)
	}
	var errs []error
	for auditor, documents := range of {
		errs = append(errs, auditor.Documents(ctx, documents))
	}
	return errors.Join(errs...)
}
