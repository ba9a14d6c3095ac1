//go:build !steps

package main

import (
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/provenance"
)

func newProvenance(a *app) *cobra.Command {
	var published publishedFlags
	var name string
	var deployCopy bool
	cmd := &cobra.Command{
		Use:   "provenance",
		Short: "Show how a published image was made: commit, dependencies, builder",
		Long: `Show how a published image was made: commit, dependencies, builder.

publish attached this document to the image in the registry that its function names. In
the public registry it names the commit, Go, base and ffmpeg. The whole document, with
the builder, its run and the address of the sources, is beside the deploy copy in the
private registry: pass --deploy-copy. What is shown is the copy that publish --sign does not
sign; to check both, bin/ci verify builds the commit again and compares. With --json the document itself is printed: an in-toto
statement with a SLSA provenance (v1).`,
		Example: "  bin/ci provenance --name thumb --commit abc1234\n  bin/ci provenance --name thumb --commit abc1234 --json\n  bin/ci provenance --name thumb --commit abc1234 --local\n  bin/ci provenance --name thumb --commit abc1234 --deploy-copy",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := published.check(); err != nil {
				return err
			}
			c, functions, err := a.selected([]string{name})
			if err != nil {
				return err
			}
			document, err := published.attached(cmd.Context(), c, functions[0], provenance.MediaType, deployCopy)
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
	cmd.Flags().BoolVar(&deployCopy, "deploy-copy", false, "read the whole document of a public image, from the private registry")
	published.add(cmd, "commit that the image was published under")
	_ = cmd.MarkFlagRequired("commit")
	return cmd
}
