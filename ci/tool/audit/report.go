// Package audit runs the gates: the checks that every image must pass before anything
// is pushed. It first gathers facts about the image and its sources; each gate is a
// function of these facts. A gate that examined nothing fails.
package audit

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/report"
)

// Gate names one gate.
type Gate string

// The gates.
const (
	Assembly Gate = "assembly" // the image is exactly what this program assembles
	Imports  Gate = "imports"  // no public function imports or embeds proprietary files
	Content  Gate = "content"  // no proprietary content is in a public image
	Secrets  Gate = "secrets"  // no credential is in an image
	FFmpeg   Gate = "ffmpeg"   // ffmpeg is in the image if and only if it is used
	Licence  Gate = "licence"  // a public image with ffmpeg has its licences and source
	Lambda   Gate = "lambda"   // Lambda accepts the image
	Budget   Gate = "budget"   // the image is not larger than its function allows
)

// Check is one gate for one image.
type Check struct {
	Image string `json:"image"`
	Gate  Gate   `json:"gate"`
	// Applies is false if the gate does not concern the image: most gates for public
	// images do not concern private ones.
	Applies bool `json:"applies"`
	Passed  bool `json:"passed"`
	// Examined says what was checked.
	Examined string `json:"examined"`
	// Findings are the problems, each with its place.
	Findings []string `json:"findings,omitempty"`
}

// notPublic returns the check of a private image by a gate for public images.
func notPublic(image string, g Gate) Check {
	return Check{Image: image, Gate: g, Passed: true, Examined: "not applicable: the image is private"}
}

// check returns the check with the findings. If nothing was examined, that is a finding.
func check(image string, g Gate, count int, examined string, findings []string) Check {
	if count == 0 && len(findings) == 0 {
		findings = []string{"nothing was examined (" + examined + "): cannot check"}
	}
	return Check{Image: image, Gate: g, Applies: true, Passed: len(findings) == 0, Examined: examined, Findings: findings}
}

// Report is the result of all gates.
type Report struct {
	// Digests are the digests of the audited images, by image name.
	Digests map[string]string `json:"digests"`
	Checks  []Check           `json:"checks"`
	// Unpinned says of each image why it does not have the base and the ffmpeg that the lock
	// file pins; "" if it does. Layers decide, not labels.
	Unpinned map[string]string `json:"-"`
	// Exceptions are those that the workspace makes, in words.
	Exceptions []string `json:"exceptions,omitempty"`
	// Judged is how many images were judged now. The others have not changed since they
	// passed.
	Judged int `json:"judged"`
	// Seconds is the time that the audit took.
	Seconds float64 `json:"seconds"`
}

// With adds the result for other images.
func (r *Report) With(more *Report) *Report {
	if r == nil {
		return more
	}
	maps.Copy(r.Digests, more.Digests)
	maps.Copy(r.Unpinned, more.Unpinned)
	r.Checks = append(r.Checks, more.Checks...)
	slices.SortStableFunc(r.Checks, func(a, b Check) int { return strings.Compare(a.Image, b.Image) })
	for _, e := range more.Exceptions {
		if !slices.Contains(r.Exceptions, e) {
			r.Exceptions = append(r.Exceptions, e)
		}
	}
	r.Judged += more.Judged
	r.Seconds += more.Seconds
	return r
}

// Passed returns how many checks that apply passed.
func (r *Report) Passed() int {
	n := 0
	for _, c := range r.Checks {
		if c.Applies && c.Passed {
			n++
		}
	}
	return n
}

// Err joins all findings, one line each; nil if every check passed.
func (r *Report) Err() error {
	if len(r.Checks) == 0 {
		return errors.New("audit: no image was examined")
	}
	var errs []error
	for _, c := range r.Checks {
		for _, f := range c.Findings {
			errs = append(errs, fmt.Errorf("audit %s: %s: %s", c.Image, c.Gate, f))
		}
		if !c.Passed && len(c.Findings) == 0 {
			errs = append(errs, fmt.Errorf("audit %s: %s: failed", c.Image, c.Gate))
		}
	}
	return errors.Join(errs...)
}

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
	for _, e := range r.Exceptions {
		if _, err := fmt.Fprintln(w, "exception in "+e); err != nil {
			return err
		}
	}
	verdict := "all gates passed"
	if failed > 0 {
		verdict = report.Count(failed, "gate") + " FAILED"
	}
	_, err := fmt.Fprintf(w, "%s, %s\n", verdict, report.Seconds(r.Seconds))
	return err
}
