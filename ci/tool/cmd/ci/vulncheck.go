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
		Short: "Name the functions that a known vulnerability makes redeploy",
		Long: `Name the functions that a known vulnerability makes redeploy.

A function is redeployed for a vulnerability that it reaches: there is a way of calls
to what is vulnerable, or, since ways through reflection are not seen, the linker put
it into the binary. Vulnerabilities in packages that it imports and does not call, and
in modules that it takes other packages from, are listed apart.

It is the analysis of govulncheck, with the platform, tags and toolchain that the
functions are built with. Following all calls takes half a minute and 2 GB of memory
for a function that imports what is vulnerable, and is not repeated while function
and vulnerabilities are the same.

The exit code is 1 when a function has to be redeployed.`,
		Example: `  ci vulncheck
  ci vulncheck --db ../vulndb --only api --json

  # What is deployed, if that is commit abc1234.
  git worktree add ../live abc1234 && ci vulncheck -C ../live`,
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
