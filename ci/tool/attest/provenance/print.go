package provenance

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"lambdas.internal/ci/tool/report"
)

// Table prints how the image that a document is about was made.
func Table(w io.Writer, document []byte) error {
	s, err := Read(document)
	if err != nil {
		return err
	}
	d, run := s.Predicate.BuildDefinition, s.Predicate.RunDetails
	rows := [][]string{}
	add := func(what, value string) {
		if value != "" {
			rows = append(rows, []string{what, value})
		}
	}
	for _, subject := range s.Subject {
		add("image", inOneLine(subject))
	}
	commit := d.ExternalParameters.Commit
	if d.ExternalParameters.AllowDirty {
		commit += " (with uncommitted changes)"
	}
	add("commit", commit)
	add("platform", d.ExternalParameters.Platform)
	for _, r := range d.ResolvedDependencies {
		add("from", inOneLine(r))
	}
	add("builder", run.Builder.ID)
	add("run", run.Metadata.InvocationID)
	add("started", report.Time(run.Metadata.StartedOn))
	return report.Table(w, []string{"WHAT", "VALUE"}, rows)
}

// inOneLine is a resource in one line.
func inOneLine(r Resource) string {
	text := r.Name
	if r.URI != "" {
		text += " " + r.URI
	}
	for _, algorithm := range slices.Sorted(maps.Keys(r.Digest)) {
		text += fmt.Sprintf(" %s:%s", algorithm, r.Digest[algorithm])
	}
	return text
}
