package release

import (
	"fmt"
	"io"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/report"
)

// Table prints for every function from which digest to which it went.
func (r *Report) Table(w io.Writer) error {
	var rows [][]string
	counts := map[deploy.State]int{}
	for _, f := range r.Functions {
		if onlyAlias(f) {
			counts[deploy.Unchanged]++
		} else {
			counts[f.State]++
		}
		rows = append(rows, []string{f.Image, f.Lambda, r.named(f), deploy.Short(f.Digest) + " (" + r.Commit + ")", outcome(f)})
	}
	if err := report.Table(w, []string{"IMAGE", "FUNCTION", "FROM", "TO", "RESULT"}, rows); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, r.summary(counts))
	return err
}

// onlyAlias tells whether of the function only the alias changed.
func onlyAlias(f deploy.Result) bool { return f.State == deploy.Updated && f.Before == f.Digest }

// named is the digest that the function ran before, with the commit that deployed it.
func (r *Report) named(f deploy.Result) string {
	text := deploy.Short(f.Before)
	if commit, _, ok := r.releases.CommitOf(f.Image, f.Before); ok {
		text += " (" + commit + ")"
	}
	return text
}

func outcome(f deploy.Result) string {
	text := map[deploy.State]string{
		deploy.Planned: "would be updated", deploy.Unchanged: "unchanged", deploy.Updated: "updated",
		deploy.Untouched: "not updated", deploy.Restored: "rolled back", deploy.Stuck: "NOT ROLLED BACK, runs " + deploy.Short(f.Now),
	}[f.State]
	if onlyAlias(f) {
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

func (r *Report) summary(counts map[deploy.State]int) string {
	head := fmt.Sprintf("%s of commit %s", r.Kind, r.Commit)
	if r.Kind == history.Rollback {
		head = "rollback to commit " + r.Commit
	}
	took, functions := report.Seconds(r.Seconds), report.Count(len(r.Functions), "function")
	switch {
	case r.DryRun:
		return fmt.Sprintf("dry run: %s; would update %d of %s", head, counts[deploy.Planned], functions)
	case r.Outcome == "rolled-back":
		return fmt.Sprintf("%s was ROLLED BACK, %s", head, took)
	case r.Outcome != "done":
		return fmt.Sprintf("%s FAILED, and %d of %s could not be rolled back, %s", head, counts[deploy.Stuck], functions, took)
	}
	text := fmt.Sprintf("%s done: %d updated, %d unchanged, %s", head, counts[deploy.Updated], counts[deploy.Unchanged], took)
	if r.Record != "" {
		text += "\nrecorded as " + r.Record
	}
	return text
}
