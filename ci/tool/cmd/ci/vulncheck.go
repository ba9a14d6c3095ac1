//go:build !steps

package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/inspect/vulncheck"
	"lambdas.internal/ci/tool/report"
)

func newVulncheck(a *app) *cobra.Command {
	var f buildFlags
	var db string
	cmd := &cobra.Command{
		Use:   "vulncheck",
		Short: "Name the functions to redeploy because of a known vulnerability",
		Long: `Name the functions to redeploy because of a known vulnerability.

A function must be redeployed if it reaches vulnerable code: there is a call path to
it, or the linker put it into the binary (calls through reflection have no visible
path). Vulnerabilities in packages that a function imports but does not call, and in
modules of which it uses other packages, are listed separately.

The analysis is govulncheck's, with the platform, tags and toolchain that the functions
are built with. For a function that imports a vulnerable package it takes half a minute
and 2 GB of memory; the result is kept until the function or the vulnerabilities change.

The exit code is 1 if a function must be redeployed.`,
		Example: `  bin/ci vulncheck
  bin/ci vulncheck --db ../vulndb --only api --json

  # The deployed code, if it is commit abc1234.
  git worktree add ../live abc1234 && bin/ci vulncheck -C ../live`,
		SuggestFor: []string{"vulns", "vuln", "govulncheck"},
		Args:       noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := a.vulncheck(cmd, &f, db)
			if err != nil {
				return err
			}
			return errors.Join(a.print(cmd, r, func(w io.Writer) error { return r.Table(w) }), r.Err())
		},
	}
	cmd.Flags().StringVar(&db, "db", "", "vulnerability database, a URL or the folder of a copy (default: "+vulncheck.Official+")")
	f.addOnly(cmd)
	f.addPlatform(cmd)
	return cmd
}

func (a *app) vulncheck(cmd *cobra.Command, f *buildFlags, db string) (*vulncheck.Report, error) {
	database, err := vulncheck.Database(db)
	if err != nil {
		return nil, usageError{fmt.Errorf("--db: %w", err)}
	}
	platform, err := parsePlatform(f.platform)
	if err != nil {
		return nil, err
	}
	c, functions, err := a.selected(f.only)
	if err != nil {
		return nil, err
	}
	kept, err := a.cache()
	if err != nil {
		return nil, err
	}
	return vulncheck.New(database, kept, report.NewProgress(cmd.ErrOrStderr()).Step).Run(cmd.Context(), c, functions, *platform)
}
