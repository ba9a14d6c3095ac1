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
		Short: "Show what every Lambda function runs, since when, and the problems",
		Long: `Show what every Lambda function runs, since when, and the problems.

A problem is: a function runs an image that no release record names; latest is newer
than the image that runs; the image that runs is missing from the repository, or
NAME-live names another one; Lambda reports that a function failed; a function does not
exist. The exit code is 0 even if there are problems.`,
		Example: "  bin/ci status\n  bin/ci status --json",
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
