package sizediff

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/workspace/catalog"
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

// SetNewBlocks adds how many blocks of each image are new.
func (r *Report) SetNewBlocks(counts map[string]int) {
	for _, c := range r.Changes {
		if n, ok := counts[c.Image]; ok && c.After != nil {
			c.NewBlocks = new(n)
		}
	}
}

// Side is one of the two things to compare.
type Side struct {
	// Name says what it is, for people.
	Name string
	// Images are those of the functions that have one.
	Images map[string]*Source
}

// CompareAll compares the images of the functions on the two sides. A function that
// has an image on neither is left out.
func CompareAll(ctx context.Context, functions []catalog.Function, from, to Side) (*Report, error) {
	start := time.Now()
	changes := make([]*Change, len(functions))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(parallelDiffs)
	for n, f := range functions {
		g.Go(func() (err error) {
			changes[n], err = compareOne(ctx, f.Image, from.Images[f.Image], to.Images[f.Image])
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	r := NewReport(from.Name, to.Name, slices.DeleteFunc(changes, func(c *Change) bool { return c == nil }))
	r.Seconds = time.Since(start).Seconds()
	return r, nil
}

// parallelDiffs is how many images are compared at once: two programs of each are in
// memory, tens of megabytes.
const parallelDiffs = 4

// compareOne compares the two images of a function; it returns nil for one that
// neither side has.
func compareOne(ctx context.Context, name string, before, after *Source) (*Change, error) {
	described := func(i *Source) *Image {
		if i == nil {
			return nil
		}
		return Describe(i.Digest, i.Manifest, i.Config)
	}
	b, a := described(before), described(after)
	if b == nil && a == nil {
		return nil, nil
	}
	unknown := ""
	if b != nil && a != nil && b.BinaryLayer() != a.BinaryLayer() {
		for _, side := range []struct {
			from *Source
			to   *Image
		}{{before, b}, {after, a}} {
			program, err := side.from.Program(ctx)
			if err != nil {
				return nil, fmt.Errorf("compare %s: %w", name, err)
			}
			binary, err := ReadBinary(program)
			if err != nil {
				unknown = err.Error()
				continue
			}
			side.to.SetBinary(binary)
		}
	}
	c, err := Compare(name, b, a)
	if err != nil {
		return nil, err
	}
	c.Unknown = unknown
	return c, nil
}
