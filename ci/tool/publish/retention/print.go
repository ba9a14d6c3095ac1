package retention

import (
	"fmt"
	"io"
	"slices"
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

// Table prints the changes of lifecycle policies, then the images that the program
// itself keeps and deletes.
func (r Result) Table(w io.Writer) error {
	pruned := slices.Clone(r.Public)
	for _, c := range r.Private {
		if c.Diff == "" {
			fmt.Fprintf(w, "%s: the lifecycle policy is up to date\n", c.Repository)
		} else {
			fmt.Fprint(w, c.Diff)
		}
		for _, s := range c.Shields {
			fmt.Fprintf(w, "%s: %s runs %s; the tag %s protects it\n", c.Repository, s.Lambda, report.Digest(s.Digest), s.Tag)
		}
		if len(c.Left) > 0 {
			pruned = append(pruned, Pruning{Repository: c.Repository, Images: c.Images})
		}
	}
	var rows [][]string
	for _, p := range pruned {
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
	for _, c := range r.Private {
		if len(c.Left) > 0 {
			fmt.Fprintf(w, "%s: a lifecycle policy has rules for %d names at most, so it has none for %s (%s to %s); this command deletes their older images, each time that it runs\n",
				c.Repository, Ruled, report.Count(len(c.Left), "name"), c.Left[0], c.Left[len(c.Left)-1])
		}
		warn(w, c.Warnings)
	}
	for _, p := range r.Public {
		warn(w, p.Warnings)
	}
	verb := "deleting"
	if r.DryRun {
		verb = "dry run: would delete"
	}
	text := verb + " " + sum("public", r.Public)
	if private := pruned[len(r.Public):]; len(private) > 0 {
		text += " and " + sum("private", private)
	}
	_, err := fmt.Fprintf(w, "%s; checked %s\n", text, report.Count(len(r.Private), "lifecycle policy", "lifecycle policies"))
	return err
}

func warn(w io.Writer, warnings []string) {
	for _, text := range warnings {
		fmt.Fprintln(w, "!", text)
	}
}

// sum says how many images are deleted from the repositories of a tier.
func sum(tier string, pruned []Pruning) string {
	total, bytes := 0, int64(0)
	for _, p := range pruned {
		n, b := deletes(p.Images)
		total, bytes = total+n, bytes+b
	}
	return fmt.Sprintf("%s of %s MB", report.Count(total, tier+" image"), report.MB(bytes))
}
