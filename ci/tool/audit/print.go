package audit

import (
	"fmt"
	"io"

	"lambdas.internal/ci/tool/report"
)

// Table prints the gates of every image and the verdict.
func (r *Report) Table(w io.Writer) error {
	var rows [][]string
	failed := 0
	for _, c := range r.Checks {
		result := "pass"
		switch {
		case !c.Applies:
			result = "-"
		case !c.Passed:
			result = "FAIL"
			failed++
		}
		rows = append(rows, []string{c.Image, string(c.Gate), result, c.Examined})
	}
	if err := report.Table(w, []string{"IMAGE", "GATE", "RESULT", "EXAMINED"}, rows); err != nil {
		return err
	}
	verdict := "all gates passed"
	if failed > 0 {
		verdict = report.Count(failed, "gate") + " FAILED"
	}
	_, err := fmt.Fprintf(w, "%s, %s\n", verdict, report.Seconds(r.Seconds))
	return err
}
