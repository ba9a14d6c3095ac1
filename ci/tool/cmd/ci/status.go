//go:build !steps

package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/status"
	"lambdas.internal/ci/tool/report"
)

// statusResult is the result of status.
type statusResult struct {
	Functions []status.Row `json:"functions"`
	// Last is the last release that was recorded.
	Last *history.Release `json:"lastRelease,omitempty"`
	// Drifts counts what is not as it is said to be.
	Drifts int `json:"drifts"`
}

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
			rows, err := status.Look(cmd.Context(), fl.lambda, fl.registry, releases, privateItems(c.Functions, fl.hosts, ""), lambdas(c.Functions))
			if err != nil {
				return err
			}
			return a.printStatus(cmd, rows, releases)
		},
	}
	f.add(cmd)
	return cmd
}

func (a *app) printStatus(cmd *cobra.Command, rows []status.Row, h history.Releases) error {
	r := statusResult{Functions: rows}
	if len(h) > 0 {
		r.Last = &h[len(h)-1]
	}
	for _, row := range rows {
		r.Drifts += len(row.Drift)
	}
	return a.print(cmd, r, func(w io.Writer) error {
		var table [][]string
		for _, row := range rows {
			table = append(table, statusRow(row))
		}
		if err := report.Table(w, []string{"IMAGE", "FUNCTION", "RUNS", "COMMIT", "SINCE", "STATE"}, table); err != nil {
			return err
		}
		if r.Last != nil {
			fmt.Fprintf(w, "last release: %s of commit %s at %s by %s\n", r.Last.Kind, r.Last.Commit, when(r.Last.Time), r.Last.Who)
		} else {
			fmt.Fprintln(w, "no release is recorded")
		}
		for _, row := range rows {
			for _, d := range row.Drift {
				fmt.Fprintf(w, "! %s (%s): %s\n", row.Lambda, row.Image, d.Text)
			}
		}
		if r.Drifts == 0 {
			fmt.Fprintln(w, "all is as the records say")
		}
		return nil
	})
}

func statusRow(row status.Row) []string {
	commit, since := row.Commit, when(row.Since)
	if commit == "" {
		commit, since = "?", "?"
	}
	state := row.State
	switch {
	case len(row.Drift) > 0 && row.State == "":
		state = "missing"
	case row.Update != "" && row.Update != "Successful":
		state += ", last update " + row.Update
	}
	return []string{row.Image, row.Lambda, deploy.Short(row.Runs), commit, since, state}
}

func when(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
