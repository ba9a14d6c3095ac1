package status

import (
	"cmp"
	"fmt"
	"io"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
)

// Report is what every function runs, beside the last release.
type Report struct {
	// Side is where the functions are.
	Side      reference.Side `json:"side"`
	Functions []Row          `json:"functions"`
	// Last is the last release that was recorded.
	Last *history.Release `json:"lastRelease,omitempty"`
	// Next says what to type if functions do not run the last release, as after a deploy that
	// was killed.
	Next string `json:"next,omitempty"`
	// Drifts counts the problems of all functions.
	Drifts int `json:"drifts"`
}

// NewReport puts the rows beside the last of the releases of the side.
func NewReport(side reference.Side, rows []Row, h history.Releases) *Report {
	r := &Report{Side: side, Functions: rows}
	if len(h) > 0 {
		r.Last = &h[len(h)-1]
		r.Next = next(rows, h)
	}
	for _, row := range rows {
		r.Drifts += len(row.Drift)
	}
	return r
}

// Table prints the functions, the last release and every problem.
func (r *Report) Table(w io.Writer) error {
	var rows [][]string
	var platforms []string
	for _, row := range r.Functions {
		rows, platforms = append(rows, row.cells()), append(platforms, row.Platform)
	}
	if err := table(w, header, rows, platforms); err != nil {
		return err
	}
	r.lines(w, "")
	if r.Drifts == 0 {
		fmt.Fprintln(w, "no problems")
	}
	return nil
}

var header = []string{"IMAGE", "FUNCTION", "RUNS", "COMMIT", "SINCE", "STATE"}

// table prints the rows, and for which platform the images are.
func table(w io.Writer, header []string, rows [][]string, platforms []string) error {
	header, rows, of := report.For(header, rows, platforms)
	err := report.Table(w, header, rows)
	if err == nil && of != "" {
		_, err = fmt.Fprintf(w, "what runs is%s\n", of)
	}
	return err
}

// lines prints the last release and every problem; region begins each line, if there are several.
func (r *Report) lines(w io.Writer, region string) {
	if r.Last != nil {
		fmt.Fprintf(w, "last release in %s: %s of commit %s at %s by %s\n", r.Side, r.Last.Kind, r.Last.Commit, report.Time(r.Last.Time), r.Last.Who)
	} else {
		fmt.Fprintf(w, "no release is recorded for %s\n", r.Side)
	}
	for _, row := range r.Functions {
		for _, d := range row.Drift {
			fmt.Fprintf(w, "! %s%s (%s): %s\n", region, row.Lambda, row.Image, d.Text)
		}
	}
	if r.Next != "" {
		fmt.Fprintln(w, "!", region+r.Next)
	}
}

func (r Row) cells() []string {
	commit, since := cmp.Or(r.Commit, "?"), "?"
	if !r.Since.IsZero() {
		since = report.Time(r.Since)
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
