// Package audit holds the gates that every image passes before anything is
// published. Each gate is a function over facts that were gathered before; what
// could not be examined has not passed.
package audit

import (
	"errors"
	"fmt"
)

// Gate names one gate.
type Gate string

// The gates.
const (
	Imports Gate = "imports" // no public function reaches what is proprietary
	Content Gate = "content" // no proprietary content is in a public binary
	Secrets Gate = "secrets" // no credential is in an image
	FFmpeg  Gate = "ffmpeg"  // ffmpeg is in the image if and only if it is used
	Lambda  Gate = "lambda"  // the image is one that Lambda takes
	Budget  Gate = "budget"  // the image is not larger than its function allows
)

// Folders, relative to the workspace root, that gates are about.
const (
	// ProprietaryDir holds what may never be public.
	ProprietaryDir = "shared/proprietary"
	// FFmpegDir is the package that runs ffmpeg.
	FFmpegDir = "shared/ffmpeg"
)

// Check is one gate for one image.
type Check struct {
	Image string `json:"image"`
	Gate  Gate   `json:"gate"`
	// Applies is false for a gate that is about public images, on a private one.
	Applies bool `json:"applies"`
	Passed  bool `json:"passed"`
	// Examined says what was looked at.
	Examined string `json:"examined"`
	// Findings say what is wrong, each with the place.
	Findings []string `json:"findings,omitempty"`
}

// notPublic is the check of a gate that is about public images only.
func notPublic(image string, g Gate) Check {
	return Check{Image: image, Gate: g, Passed: true, Examined: "not applicable: the image is private"}
}

// check makes a check from what was found. To have examined nothing is a finding.
func check(image string, g Gate, count int, examined string, findings []string) Check {
	if count == 0 {
		findings = append(findings, "nothing was examined ("+examined+"), so nothing is known")
	}
	return Check{Image: image, Gate: g, Applies: true, Passed: len(findings) == 0, Examined: examined, Findings: findings}
}

// Report is the outcome of all gates.
type Report struct {
	// Digests are those of the images that were judged, by name.
	Digests map[string]string `json:"digests"`
	Checks  []Check           `json:"checks"`
	// Seconds is the time that gathering and judging took.
	Seconds float64 `json:"seconds"`
}

// Passed is how many gates there were to pass, and were passed.
func (r *Report) Passed() int {
	n := 0
	for _, c := range r.Checks {
		if c.Applies && c.Passed {
			n++
		}
	}
	return n
}

// Err joins all findings, one line each; nil when every gate was passed.
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
