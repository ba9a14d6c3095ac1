//go:build !steps

package main

import (
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/provenance"
)

func newProvenance(a *app) *cobra.Command {
	var published publishedFlags
	var name string
	cmd := &cobra.Command{
		Use:   "provenance",
		Short: "Show how a published image was made: commit, dependencies, builder",
		Long: `Show how a published image was made: commit, dependencies, builder.

That is what publish attached to the image, in the registry that its function names;
it is not signed. ci verify builds the commit again and compares. With --json it is
the document itself, an in-toto statement with a SLSA provenance (v1).`,
		Example: "  ci provenance --name thumb --commit abc1234\n  ci provenance --name thumb --commit abc1234 --json\n  ci provenance --name thumb --commit abc1234 --local",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := published.check(); err != nil {
				return err
			}
			c, functions, err := a.selected([]string{name})
			if err != nil {
				return err
			}
			document, err := published.attached(cmd.Context(), c, functions[0], provenance.MediaType)
			if err != nil {
				return err
			}
			if a.json {
				_, err := cmd.OutOrStdout().Write(document)
				return err
			}
			return provenance.Table(cmd.OutOrStdout(), document)
		},
	}
	required(cmd, &name, "name", "name of the image")
	published.add(cmd, "commit that the image was published under")
	_ = cmd.MarkFlagRequired("commit")
	return cmd
}
