//go:build !steps

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/report"
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
			return printProvenance(cmd.OutOrStdout(), document)
		},
	}
	required(cmd, &name, "name", "name of the image")
	published.add(cmd, "commit that the image was published under")
	_ = cmd.MarkFlagRequired("commit")
	return cmd
}

func printProvenance(w io.Writer, document []byte) error {
	s, err := provenance.Read(document)
	if err != nil {
		return err
	}
	d, run := s.Predicate.BuildDefinition, s.Predicate.RunDetails
	rows := [][]string{}
	add := func(what, value string) {
		if value != "" {
			rows = append(rows, []string{what, value})
		}
	}
	for _, subject := range s.Subject {
		add("image", inOneLine(subject))
	}
	commit := d.ExternalParameters.Commit
	if d.ExternalParameters.AllowDirty {
		commit += " (with changes that no commit has)"
	}
	add("commit", commit)
	add("platform", d.ExternalParameters.Platform)
	for _, r := range d.ResolvedDependencies {
		add("from", inOneLine(r))
	}
	add("builder", run.Builder.ID)
	add("run", run.Metadata.InvocationID)
	add("started", when(run.Metadata.StartedOn))
	return report.Table(w, []string{"WHAT", "VALUE"}, rows)
}

// inOneLine is a resource in one line.
func inOneLine(r provenance.Resource) string {
	text := r.Name
	if r.URI != "" {
		text += " " + r.URI
	}
	for _, algorithm := range slices.Sorted(maps.Keys(r.Digest)) {
		text += fmt.Sprintf(" %s:%s", algorithm, r.Digest[algorithm])
	}
	return text
}
