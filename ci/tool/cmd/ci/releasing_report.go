//go:build !steps

package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/report"
)

// printReleased prints what was, or would be, done.
func (a *app) printReleased(cmd *cobra.Command, r *released, h history.Releases) error {
	return a.print(cmd, r, func(w io.Writer) error {
		var rows [][]string
		counts := map[deploy.State]int{}
		for _, f := range r.Functions {
			if f.State == deploy.Updated && f.Before == f.Digest {
				counts[deploy.Unchanged]++ // but for its alias
			} else {
				counts[f.State]++
			}
			rows = append(rows, []string{f.Image, f.Lambda, named(h, f.Image, f.Before), deploy.Short(f.Digest) + " (" + r.Commit + ")", resultOf(f)})
		}
		if err := report.Table(w, []string{"IMAGE", "FUNCTION", "FROM", "TO", "RESULT"}, rows); err != nil {
			return err
		}
		fmt.Fprintln(w, releasedSummary(r, counts))
		return nil
	})
}

// named is a digest with the commit by which the function came to run it.
func named(h history.Releases, image, digest string) string {
	text := deploy.Short(digest)
	if commit, _, ok := h.CommitOf(image, digest); ok {
		text += " (" + commit + ")"
	}
	return text
}

func resultOf(f deploy.Result) string {
	text := map[deploy.State]string{
		deploy.Planned: "would be updated", deploy.Unchanged: "unchanged", deploy.Updated: "updated",
		deploy.Untouched: "not updated", deploy.Restored: "put back", deploy.Stuck: "NOT PUT BACK, runs " + deploy.Short(f.Now),
	}[f.State]
	if f.State == deploy.Updated && f.Before == f.Digest {
		text = "unchanged, alias moved"
	}
	if f.Error != "" {
		text = "failed, " + text
	}
	if f.State == deploy.Updated && f.Version != "" {
		text += ", version " + f.Version
	}
	return text
}

func releasedSummary(r *released, counts map[deploy.State]int) string {
	head := fmt.Sprintf("%s of commit %s", r.Kind, r.Commit)
	if r.Kind == history.Rollback {
		head = "rollback to commit " + r.Commit
	}
	took := report.Duration(seconds(r.Seconds))
	switch {
	case r.DryRun:
		return fmt.Sprintf("dry run: %s; would update %d of %d functions", head, counts[deploy.Planned], len(r.Functions))
	case r.Outcome == "rolled-back":
		return fmt.Sprintf("%s was ROLLED BACK, %s", head, took)
	case r.Outcome != "done":
		return fmt.Sprintf("%s FAILED, and %d of %d functions could not be put back, %s", head, counts[deploy.Stuck], len(r.Functions), took)
	}
	text := fmt.Sprintf("%s done: %d updated, %d unchanged, %s", head, counts[deploy.Updated], counts[deploy.Unchanged], took)
	if r.Record != "" {
		text += "\nrecorded as " + r.Record
	}
	return text
}

// warnOf prints what may matter if the release fails.
func warnOf(cmd *cobra.Command, results []deploy.Result) {
	for _, f := range results {
		if f.Warning != "" {
			fmt.Fprintf(cmd.ErrOrStderr(), "ci: warning: %s (%s): %s\n", f.Lambda, f.Image, f.Warning)
		}
	}
}
