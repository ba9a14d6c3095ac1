package main

import (
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
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
				header := []string{"IMAGE", "VARIANT", "REGISTRY", "LAMBDA", "FOLDER", "REASON"}
				mixed := slices.ContainsFunc(c.Functions, func(f catalog.Function) bool { return f.Architecture != "" })
				if mixed {
					header = slices.Insert(header, 2, "ARCHITECTURE")
				}
				var rows [][]string
				for _, f := range c.Functions {
					row := []string{f.Image, string(f.Variant), string(f.Registry), strings.Join(f.Names(), ", "), f.Main(), f.Reason}
					if mixed {
						row = slices.Insert(row, 2, f.Arch())
					}
					rows = append(rows, row)
				}
				return report.Table(w, header, rows)
			})
		},
	}
}
