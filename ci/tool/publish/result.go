package publish

import (
	"fmt"
	"io"

	"lambdas.internal/ci/tool/publish/ecrstate"
	"lambdas.internal/ci/tool/report"
)

// Result is what a publish did, or in a dry run would do.
type Result struct {
	*Plan
	// DryRun is set when nothing was done.
	DryRun bool `json:"dryRun,omitempty"`
	// Created are the repositories that did not exist.
	Created []ecrstate.Created `json:"createdRepositories,omitempty"`
	// Gates is how many gates the images passed.
	Gates int `json:"gatesPassed"`
	// Signer is who signed the documents; "" if nobody did.
	Signer  string   `json:"signer,omitempty"`
	Outcome *Outcome `json:"outcome,omitempty"`
	// Signatures are those that ECR makes itself.
	Signatures []ecrstate.Signature `json:"signatures,omitempty"`
	Seconds    float64              `json:"seconds"`
}

// Table prints what was done, or would be, for each image in each repository.
func (r *Result) Table(w io.Writer) error {
	var rows [][]string
	var platforms []string
	for _, s := range r.Steps {
		rows, platforms = append(rows, s.cells()), append(platforms, s.Platform)
	}
	header, rows, of := report.For([]string{"IMAGE", "REPOSITORY", "TAG", "ACTION", "LAYERS", "MB", "LATEST", "DIGEST"}, rows, platforms)
	if err := report.Table(w, header, rows); err != nil {
		return err
	}
	for _, c := range r.Created {
		fmt.Fprintln(w, c.Line(r.DryRun))
	}
	ecrstate.PrintSignatures(w, r.Signatures)
	_, err := fmt.Fprintln(w, r.summary(of))
	return err
}

func (s Step) cells() []string {
	layers := 0
	for _, b := range s.Blobs {
		if b.Layer {
			layers++
		}
	}
	latest := "stays"
	switch {
	case s.MovesLatest && s.LatestFrom == "":
		latest = "new"
	case s.MovesLatest:
		latest = "from " + report.Digest(s.LatestFrom)
		if s.LatestFor != "" && s.LatestFor != s.Platform {
			latest = "from " + report.DigestFor(s.LatestFrom, s.LatestFor)
		}
	}
	action := string(s.Action) + ": " + s.Why
	if s.Replaces != "" {
		action += ", replaces " + report.Digest(s.Replaces)
	}
	return []string{s.Image, s.Where(), s.CommitTag, action, fmt.Sprint(layers), report.MB(s.Bytes), latest, report.Digest(s.Digest)}
}

// summary says what was done in all; of is for which platform the images are, if for one.
func (r *Result) summary(of string) string {
	images := map[string]bool{}
	repositories := map[string]bool{}
	moved := 0
	for _, s := range r.Steps {
		images[s.Image], repositories[s.Repository] = true, true
		if s.MovesLatest {
			moved++
		}
	}
	head := fmt.Sprintf("%s%s in %s under %s", report.Count(len(images), "image"), of, report.Count(len(repositories), "repository", "repositories"),
		report.Count(2*len(r.Steps), "tag"))
	layers, documents := report.Count(r.Layers, "layer"), report.Count(r.Attachments, "document")
	if r.DryRun {
		text := fmt.Sprintf("dry run: %s; would send %s, %d bytes, attach %s, %d bytes, and move %s; %s passed",
			head, layers, r.Bytes, documents, r.AttachedBytes, report.Count(moved, "latest tag"), report.Count(r.Gates, "gate"))
		return text + r.signed() + r.stays()
	}
	text := fmt.Sprintf("%s; sent %s, %d bytes, attached %s, %d bytes, moved %s; %s passed, %s",
		head, layers, r.Outcome.Sent, documents, r.Outcome.Attached, report.Count(len(r.Outcome.Moved), "latest tag"),
		report.Count(r.Gates, "gate"), report.Seconds(r.Seconds))
	if by := r.Outcome.SupersededBy; by != "" {
		text += fmt.Sprintf("\ncommit %s was published at the same time; the latest tags name its images", by)
	}
	return text + r.signed() + r.stays()
}

// signed is a line that says who signed the documents, if somebody did.
func (r *Result) signed() string {
	switch {
	case r.Signer == "":
		return ""
	case r.DryRun:
		return "\nthe documents would be signed by " + r.Signer
	}
	return "\nthe documents are signed by " + r.Signer
}

// stays is a line that says why the latest tags stay, if they do.
func (p *Plan) stays() string {
	if p.Latest == nil || p.Latest.Moves {
		return ""
	}
	return "\n" + p.Latest.String()
}
