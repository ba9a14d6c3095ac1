//go:build !steps

package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/audit"
	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
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
			return errors.Join(a.print(cmd, r, func(w io.Writer) error { return printAudit(w, r) }), r.Err())
		},
	}
	f.addAll(cmd)
	addFrom(cmd, &from)
	return cmd
}

func addFrom(cmd *cobra.Command, from *string) {
	cmd.Flags().StringVar(from, "from", "", "take the images of this layout, which build-all or images wrote, instead of building")
}

// made is images in a layout, ready to be judged or published.
type made struct {
	builder   *build.Builder
	functions []catalog.Function
	dir       string
}

// images builds what the flags select, or takes what from holds.
func (a *app) images(cmd *cobra.Command, f *buildFlags, from string) (*made, error) {
	b, err := a.builder(cmd, f)
	if err != nil {
		return nil, err
	}
	functions, err := b.Catalog.Select(f.only)
	if err != nil {
		return nil, usageError{err}
	}
	if from != "" {
		return &made{b, functions, from}, nil
	}
	r, dir, err := a.buildAll(cmd, f, "")
	if err != nil {
		return nil, err
	}
	warn(cmd, r.Warnings)
	if failed := r.Failed(); len(failed) > 0 {
		return nil, errors.Join(failed...)
	}
	return &made{b, functions, dir}, nil
}

// audit asks every gate for the images.
func (a *app) audit(cmd *cobra.Command, m *made) (*audit.Report, error) {
	return audit.New(m.builder.Catalog, m.builder.Cache, m.builder.Step).Run(cmd.Context(), m.functions, m.dir)
}

func printAudit(w io.Writer, r *audit.Report) error {
	var rows [][]string
	failed := 0
	for _, c := range r.Checks {
		result := "pass"
		switch {
		case !c.Applies:
			result = "-"
		case !c.Passed:
			result = "FAIL"
			failed++
		}
		rows = append(rows, []string{c.Image, string(c.Gate), result, c.Examined})
	}
	if err := report.Table(w, []string{"IMAGE", "GATE", "RESULT", "EXAMINED"}, rows); err != nil {
		return err
	}
	verdict := "all gates passed"
	if failed > 0 {
		verdict = fmt.Sprintf("%d gates FAILED", failed)
	}
	_, err := fmt.Fprintf(w, "%s, %s\n", verdict, report.Duration(seconds(r.Seconds)))
	return err
}
