package pin

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"

	"lambdas.internal/ci/tool/image/npm"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Refreshed says what happened to one entry of the lock file.
type Refreshed struct {
	Name      string `json:"name"`
	Reference string `json:"reference"`
	Before    string `json:"before,omitempty"`
	Now       string `json:"now,omitempty"`
	Error     string `json:"error,omitempty"`
}

// Refresh asks for the digest of every image and the integrity of every npm package,
// and puts them into l. An entry without an answer stays as it is.
func Refresh(ctx context.Context, l *lock.Lock) []Refreshed {
	var rows []Refreshed
	images := l.Images()
	for _, name := range slices.Sorted(maps.Keys(images)) {
		i := images[name]
		row := Refreshed{Name: name, Reference: i.Reference, Before: i.Digest}
		digest, err := registry.Digest(ctx, i.Reference)
		if err != nil {
			row.Error = fmt.Sprintf("%s: %v", name, err)
			if i.Digest == "" {
				i.Unresolved = "no registry answered when this file was made; run `bin/ci lock` where one is reachable"
			}
		} else {
			i.Digest, i.Unresolved = digest.String(), ""
		}
		row.Now = i.Digest
		rows = append(rows, row)
	}
	for _, arch := range slices.Sorted(maps.Keys(l.Static)) {
		static := l.Static[arch]
		for _, p := range []*lock.Package{&static.FFmpeg, &static.FFprobe} {
			row := Refreshed{Name: "static " + arch, Reference: p.Name + "@" + p.Version, Before: p.Integrity}
			if integrity, err := npm.Integrity(ctx, p.Name, p.Version); err != nil {
				row.Error = fmt.Sprintf("%s: %v", row.Name, err)
			} else {
				p.Integrity = integrity
			}
			row.Now = p.Integrity
			rows = append(rows, row)
		}
		l.Static[arch] = static
	}
	return rows
}

// Table prints what happened to each entry.
func Table(w io.Writer, rows []Refreshed) error {
	var cells [][]string
	for _, r := range rows {
		state := "unchanged"
		switch {
		case r.Now == "":
			state = "unresolved"
		case r.Error != "":
			state = "not refreshed"
		case r.Now != r.Before:
			state = "changed"
		}
		cells = append(cells, []string{r.Name, r.Reference, state, r.Now})
	}
	return report.Table(w, []string{"NAME", "REFERENCE", "STATE", "DIGEST"}, cells)
}
