package vulncheck

import (
	"fmt"
	"io"
	"slices"

	"lambdas.internal/ci/tool/publish/ecrstate"
	"lambdas.internal/ci/tool/report"
)

// Published is what ECR has found in the image that a function runs.
type Published struct {
	Image  string `json:"image"`
	Lambda string `json:"lambda"`
	// Digest is "" if the function runs no image that is known.
	Digest string `json:"digest,omitempty"`
	// Platform is what it is for.
	Platform string        `json:"platform,omitempty"`
	Scan     ecrstate.Scan `json:"scan"`
}

// Redeploys tells whether the image has grave vulnerabilities that a fix exists for, or may.
func (p Published) Redeploys() bool { return p.Scan.Grave() > p.Scan.Unfixable }

// verdict says what to do, in a few words.
func (p Published) verdict() string {
	switch {
	case p.Digest == "":
		return "unknown: the function runs no image of this repository"
	case p.Scan.Status == "" && p.Scan.Kind == "":
		return "unknown: not scanned; scanning is off for the repository, or was when it was pushed"
	case !p.Scan.Known():
		return "unknown: ECR's scan is " + p.Scan.Status
	case p.Redeploys():
		return "redeploy, from a newer base or with newer modules"
	case p.Scan.Grave() > 0:
		return "no fix exists yet"
	default:
		return "nothing grave"
	}
}

// AddPublished adds what ECR has found. The functions with grave findings are among those to redeploy.
func (r *Report) AddPublished(all []Published) {
	r.Published = all
	for _, p := range all {
		if p.Redeploys() && !slices.Contains(r.Redeploy, p.Image) {
			r.Redeploy = append(r.Redeploy, p.Image)
		}
	}
}

// published prints what ECR has found.
func (r *Report) published(w io.Writer) error {
	if len(r.Published) == 0 {
		return nil
	}
	var rows [][]string
	var platforms []string
	for _, p := range r.Published {
		platforms = append(platforms, p.Platform)
		count := func(severity string) string { return fmt.Sprint(p.Scan.Severities[severity]) }
		rows = append(rows, []string{p.Lambda, report.Digest(p.Digest), p.Scan.Kind, count("CRITICAL"), count("HIGH"), count("MEDIUM"), count("LOW"),
			fmt.Sprint(p.Scan.InUse), p.verdict()})
	}
	header, rows, of := report.For([]string{"FUNCTION", "RUNS", "SCAN BY ECR", "CRITICAL", "HIGH", "MEDIUM", "LOW", "IN CLUSTERS", "VERDICT"}, rows, platforms)
	if err := report.Table(w, header, rows); err != nil {
		return err
	}
	if of != "" {
		of = "what runs is" + of + "\n"
	}
	_, err := fmt.Fprintln(w, of)
	return err
}
