package publish

import (
	"fmt"
	"io"

	"lambdas.internal/ci/tool/report"
)

// Result is what a publish did, or in a dry run would do.
type Result struct {
	*Plan
	// DryRun is set when nothing was done.
	DryRun bool `json:"dryRun,omitempty"`
	// Created are the repositories that were, or would be, created.
	Created []string `json:"createdRepositories,omitempty"`
	// Gates is how many gates the images passed.
	Gates   int      `json:"gatesPassed"`
	Outcome *Outcome `json:"outcome,omitempty"`
	Seconds float64  `json:"seconds"`
}

// Table prints what was done, or would be, for each image in each repository.
func (r *Result) Table(w io.Writer) error {
	var rows [][]string
	for _, s := range r.Steps {
		rows = append(rows, s.cells())
	}
	if err := report.Table(w, []string{"IMAGE", "REPOSITORY", "TAG", "ACTION", "LAYERS", "MB", "LATEST", "DIGEST"}, rows); err != nil {
		return err
	}
	for _, name := range r.Created {
		verb := "created repository"
		if r.DryRun {
			verb = "repository is missing (--create-repositories creates it):"
		}
		fmt.Fprintln(w, verb, name)
	}
	_, err := fmt.Fprintln(w, r.summary())
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
	}
	action := string(s.Action) + ": " + s.Why
	if s.Replaces != "" {
		action += ", replaces " + report.Digest(s.Replaces)
	}
	return []string{s.Image, s.Where(), s.CommitTag, action, fmt.Sprint(layers), report.MB(s.Bytes), latest, report.Digest(s.Digest)}
}

func (r *Result) summary() string {
	images := map[string]bool{}
	repositories := map[string]bool{}
	moved := 0
	for _, s := range r.Steps {
		images[s.Image], repositories[s.Repository] = true, true
		if s.MovesLatest {
			moved++
		}
	}
	head := fmt.Sprintf("%s in %s under %s", report.Count(len(images), "image"), report.Count(len(repositories), "repository"),
		report.Count(2*len(r.Steps), "tag"))
	layers, documents := report.Count(r.Layers, "layer"), report.Count(r.Attachments, "document")
	if r.DryRun {
		return fmt.Sprintf("dry run: %s; would send %s, %d bytes, attach %s, %d bytes, and move %s; %s passed",
			head, layers, r.Bytes, documents, r.AttachedBytes, report.Count(moved, "latest tag"), report.Count(r.Gates, "gate"))
	}
	text := fmt.Sprintf("%s; sent %s, %d bytes, attached %s, %d bytes, moved %s; %s passed, %s",
		head, layers, r.Outcome.Sent, documents, r.Outcome.Attached, report.Count(len(r.Outcome.Moved), "latest tag"),
		report.Count(r.Gates, "gate"), report.Seconds(r.Seconds))
	if by := r.Outcome.SupersededBy; by != "" {
		text += fmt.Sprintf("\ncommit %s was published at the same time; the latest tags name its images", by)
	}
	return text
}
