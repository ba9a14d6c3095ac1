package verify

import (
	"fmt"
	"io"

	"lambdas.internal/ci/tool/report"
)

// Table prints the result for each image in each repository, then what differs.
func (r *Report) Table(w io.Writer) error {
	var rows [][]string
	same := 0
	for _, p := range r.Places {
		if p.Verdict == Same {
			same++
		}
		rows = append(rows, []string{p.Image, p.Where(), p.CommitTag, string(p.Verdict),
			fmt.Sprintf("%d of %d", p.SameLayers, p.Layers), report.Digest(p.Published), report.Digest(p.Rebuilt)})
	}
	if err := report.Table(w, []string{"IMAGE", "REPOSITORY", "TAG", "RESULT", "SAME LAYERS", "PUBLISHED", "REBUILT"}, rows); err != nil {
		return err
	}
	for _, p := range r.Places {
		for _, d := range p.Differences {
			fmt.Fprintf(w, "! %s in %s: %s\n", p.Image, p.Repository, d)
		}
	}
	_, err := fmt.Fprintf(w, "%d of %s in the registries equal the images that commit %s builds for %s, %s\n",
		same, report.Count(len(r.Places), "image"), r.Commit, r.Platform, report.Seconds(r.Seconds))
	return err
}
