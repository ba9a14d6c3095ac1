package retention

import (
	"fmt"
	"io"
	"strings"
	"time"

	"lambdas.internal/ci/tool/report"
)

// Result is what retention does, or in a dry run would do.
type Result struct {
	DryRun  bool      `json:"dryRun,omitempty"`
	Private []Change  `json:"private"`
	Public  []Pruning `json:"public"`
}

// Table prints the changes of lifecycle policies, then the public images that are
// kept and deleted.
func (r Result) Table(w io.Writer) error {
	for _, c := range r.Private {
		if c.Diff == "" {
			fmt.Fprintf(w, "%s: the lifecycle policy is up to date\n", c.Repository)
		} else {
			fmt.Fprint(w, c.Diff)
		}
		for _, s := range c.Shields {
			fmt.Fprintf(w, "%s: %s runs %s; the tag %s protects it\n", c.Repository, s.Lambda, report.Digest(s.Digest), s.Tag)
		}
	}
	var rows [][]string
	total, bytes := 0, int64(0)
	for _, p := range r.Public {
		n, b := p.Deletes()
		total, bytes = total+n, bytes+b
		for _, v := range p.Images {
			verdict := "keep"
			if v.Delete {
				verdict = "delete"
			}
			rows = append(rows, []string{p.Repository, report.Digest(v.Digest), strings.Join(v.Tags, " "), v.Pushed.UTC().Format(time.DateTime), report.MB(v.Size), verdict, v.Why})
		}
	}
	if len(rows) > 0 {
		if err := report.Table(w, []string{"REPOSITORY", "DIGEST", "TAGS", "PUSHED (UTC)", "MB", "VERDICT", "WHY"}, rows); err != nil {
			return err
		}
	}
	verb := "deleting"
	if r.DryRun {
		verb = "dry run: would delete"
	}
	_, err := fmt.Fprintf(w, "%s %s of %s MB; checked %s\n", verb, report.Count(total, "public image"), report.MB(bytes),
		report.Count(len(r.Private), "lifecycle policy"))
	return err
}
