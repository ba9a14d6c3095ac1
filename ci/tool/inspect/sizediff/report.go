package sizediff

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Report says how the images of several functions changed.
type Report struct {
	// From and To say what was compared.
	From    string    `json:"from"`
	To      string    `json:"to"`
	Changes []*Change `json:"images"`
	// NewBytes is the size of the layers that no image had before, each counted once.
	NewBytes int64 `json:"newBytes"`
	// Notes say what the comparison does not cover.
	Notes []string `json:"notes,omitempty"`
	// Seconds is the time of the comparison, without that of a build.
	Seconds float64 `json:"seconds"`
}

// NewReport returns the report on the changes.
func NewReport(from, to string, changes []*Change) *Report {
	r := &Report{From: from, To: to, Changes: changes}
	there := map[string]bool{}
	for _, c := range changes {
		if c.Before != nil {
			for _, l := range c.Before.Layers {
				there[l.Digest] = true
			}
		}
	}
	pins := map[string][]string{}
	for _, c := range changes {
		if c.Unknown != "" {
			r.Notes = append(r.Notes, fmt.Sprintf("cannot compare the packages and modules of %s: %s", c.Image, c.Unknown))
		}
		if c.After == nil {
			continue
		}
		for _, l := range c.After.Layers {
			if !there[l.Digest] {
				there[l.Digest] = true
				r.NewBytes += l.Bytes
			}
		}
		if c.Before != nil && c.Before.Pin() != c.After.Pin() {
			// An image of another builder has no pin.
			kinds := fmt.Sprintf("%s before, %s after", cmp.Or(c.Before.Pin(), "unknown"), cmp.Or(c.After.Pin(), "unknown"))
			pins[kinds] = append(pins[kinds], c.Image)
		}
	}
	for kinds, images := range pins {
		r.Notes = append(r.Notes, fmt.Sprintf("the base of %s is %s: compare the binaries, not the sizes of the whole images", strings.Join(images, ", "), kinds))
	}
	slices.Sort(r.Notes)
	return r
}
