package status

import (
	"fmt"
	"io"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/report"
)

// Report is what every function runs, beside the last release.
type Report struct {
	Functions []Row `json:"functions"`
	// Last is the last release that was recorded.
	Last *history.Release `json:"lastRelease,omitempty"`
	// Drifts counts the problems of all functions.
	Drifts int `json:"drifts"`
}

// NewReport puts the rows beside the last of the releases.
func NewReport(rows []Row, h history.Releases) *Report {
	r := &Report{Functions: rows}
	if len(h) > 0 {
		r.Last = &h[len(h)-1]
	}
	for _, row := range rows {
		r.Drifts += len(row.Drift)
	}
	return r
}

// Table prints the functions, the last release and every problem.
func (r *Report) Table(w io.Writer) error {
	var rows [][]string
	for _, row := range r.Functions {
		rows = append(rows, row.cells())
	}
	if err := report.Table(w, []string{"IMAGE", "FUNCTION", "RUNS", "COMMIT", "SINCE", "STATE"}, rows); err != nil {
		return err
	}
	if r.Last != nil {
		fmt.Fprintf(w, "last release: %s of commit %s at %s by %s\n", r.Last.Kind, r.Last.Commit, report.Time(r.Last.Time), r.Last.Who)
	} else {
		fmt.Fprintln(w, "no release is recorded")
	}
	for _, row := range r.Functions {
		for _, d := range row.Drift {
			fmt.Fprintf(w, "! %s (%s): %s\n", row.Lambda, row.Image, d.Text)
		}
	}
	if r.Drifts == 0 {
		fmt.Fprintln(w, "no problems")
	}
	return nil
}

func (r Row) cells() []string {
	commit, since := r.Commit, report.Time(r.Since)
	if commit == "" {
		commit, since = "?", "?"
	}
	state := r.State
	switch {
	case len(r.Drift) > 0 && r.State == "":
		state = "missing"
	case r.Update != "" && r.Update != "Successful":
		state += ", last update " + r.Update
	}
	return []string{r.Image, r.Lambda, deploy.Short(r.Runs), commit, since, state}
}
