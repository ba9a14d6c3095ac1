package main

import (
	"io"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/report"
)

func newList(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "list",
		Short:   "List the functions and their images",
		Example: "  bin/ci list\n  bin/ci list --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.catalog()
			if err != nil {
				return err
			}
			return a.print(cmd, c.Functions, func(w io.Writer) error {
				var rows [][]string
				for _, f := range c.Functions {
					rows = append(rows, []string{f.Image, string(f.Variant), string(f.Registry), f.Lambda, f.Folder, f.Reason})
				}
				return report.Table(w, []string{"IMAGE", "VARIANT", "REGISTRY", "LAMBDA", "FOLDER", "REASON"}, rows)
			})
		},
	}
}
