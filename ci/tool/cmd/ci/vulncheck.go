//go:build !steps

package main

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/inspect/osv"
	"lambdas.internal/ci/tool/inspect/vulncheck"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

func newVulncheck(a *app) *cobra.Command {
	var f buildFlags
	var fleet fleetFlags
	var db, records string
	var published bool
	cmd := &cobra.Command{
		Use:   "vulncheck",
		Short: "Name the functions to redeploy because of a known vulnerability",
		Long: `Name the functions to redeploy because of a known vulnerability.

A function must be redeployed if it reaches vulnerable code: there is a call path to
it, or the linker put it into the binary (calls through reflection have no visible
path). Vulnerabilities in packages that a function imports but does not call, and in
modules of which it uses other packages, are listed separately.

A function with ffmpeg in its image must also be redeployed if its version of ffmpeg has
a known vulnerability. The version is the tag of the image in ` + lock.File + `, or
of the one that --ffmpeg names. If the default OSV API cannot be reached, the result says
that ffmpeg was not checked. A record of OSV that names commits and no versions cannot be
decided, and is listed as unknown. The libraries linked into ffmpeg and the packages of
the base image are not checked; the result says what checks the base.

With --published, what ECR's own scan, basic or enhanced, has found in the image that each
function runs stands beside that: a function with critical or high findings must be
redeployed, unless ECR says that no fix exists. An image that was not scanned is unknown.

The analysis of Go code is govulncheck's, with the platform, tags and toolchain that the
functions are built with. For a function that imports a vulnerable package it takes half a minute
and 2 GB of memory; the result is kept until the function or the vulnerabilities change.

The exit code is 1 if a function must be redeployed.`,
		Example: `  bin/ci vulncheck
  bin/ci vulncheck --db ../vulndb --only api --json

  bin/ci vulncheck --published --region eu-central-1

  # OSV's records of ffmpeg from a folder, such as the unpacked all.zip of ecosystem GIT.
  bin/ci vulncheck --osv ../osv-git

  # The deployed code, if it is commit abc1234.
  git worktree add ../live abc1234 && bin/ci vulncheck -C ../live`,
		SuggestFor: []string{"vulns", "vuln", "govulncheck"},
		Args:       noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.vulncheck(cmd, &f, db, records)
			if err == nil && published {
				err = a.scanned(cmd, &f, &fleet, r)
			}
			if err != nil {
				return err
			}
			return errors.Join(a.print(cmd, r, func(w io.Writer) error { return r.Table(w) }), r.Err())
		},
	}
	cmd.Flags().StringVar(&db, "db", "", "vulnerability database, a URL or the folder of a copy (default: "+vulncheck.Official+")")
	cmd.Flags().StringVar(&records, "osv", "", "OSV's records of ffmpeg, the `URL` of an OSV API or a folder (default: "+osv.Official+")")
	cmd.Flags().StringVar(&f.base, "base", "", "base image to use instead of the locked one: a `REFERENCE`, or static")
	cmd.Flags().StringVar(&f.ffmpeg, "ffmpeg", "", "image to copy ffmpeg from instead of the locked one: a `REFERENCE`, or static")
	cmd.Flags().BoolVar(&published, "published", false, "also read what ECR's scan has found in the images that the functions run")
	fleet.add(cmd)
	f.addOnly(cmd)
	f.addPlatform(cmd)
	return cmd
}

func (a *app) vulncheck(cmd *cobra.Command, f *buildFlags, db, records string) (*vulncheck.Report, error) {
	database, err := vulncheck.Database(db)
	if err != nil {
		return nil, usageError{fmt.Errorf("--db: %w", err)}
	}
	ofFFmpeg, err := osv.Open(records)
	if err != nil {
		return nil, usageError{fmt.Errorf("--osv: %w", err)}
	}
	platform, err := parsePlatform(f.platform)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(checkReference("base", f.base), checkReference("ffmpeg", f.ffmpeg)); err != nil {
		return nil, err
	}
	c, functions, err := a.selected(f.only)
	if err != nil {
		return nil, err
	}
	l, err := lock.Load(c.Root)
	if err != nil {
		return nil, err
	}
	kept, err := a.cache()
	if err != nil {
		return nil, err
	}
	step := report.NewProgress(cmd.ErrOrStderr()).Step
	var ffmpeg *vulncheck.FFmpeg
	if slices.ContainsFunc(functions, func(f catalog.Function) bool { return f.Variant == catalog.Heavy }) {
		done := step("look for vulnerabilities in ffmpeg")
		ffmpeg, err = vulncheck.CheckFFmpeg(cmd.Context(), cmp.Or(f.ffmpeg, l.FFmpeg.Reference), ofFFmpeg, records != "")
		done(err)
		if err != nil {
			return nil, err
		}
	}
	r, err := vulncheck.New(database, kept, step).Run(cmd.Context(), c, functions, *platform)
	if err != nil {
		return nil, err
	}
	r.Add(functions, ffmpeg, vulncheck.CheckBase(cmp.Or(f.base, l.Base.Reference)))
	return r, nil
}
