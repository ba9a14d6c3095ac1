//go:build !steps

package main

import (
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy/status"
	"lambdas.internal/ci/tool/publish"
)

func newStatus(a *app) *cobra.Command {
	var f fleetFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show what every Lambda function runs, since when, and what is amiss",
		Long: `Show what every Lambda function runs, since when, and what is amiss.

Amiss is: a function runs what no release names; latest is ahead of what runs; what
runs is gone from the repository, or is not what NAME-live names; Lambda says that
a function failed; a function does not exist. None of it makes the exit code 1.`,
		Example: "  ci status\n  ci status --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.check(); err != nil {
				return err
			}
			c, err := a.catalog()
			if err != nil {
				return err
			}
			fl, err := f.open(cmd.Context(), c)
			if err != nil {
				return err
			}
			releases, err := fl.records.Releases(cmd.Context())
			if err != nil {
				return err
			}
			rows, err := status.Look(cmd.Context(), fl.lambda, fl.registry, releases, publish.PrivateItems(c.Functions, fl.hosts, ""), lambdas(c.Functions))
			if err != nil {
				return err
			}
			r := status.NewReport(rows, releases)
			return a.print(cmd, r, r.Table)
		},
	}
	f.add(cmd)
	return cmd
}
