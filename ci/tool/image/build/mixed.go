package build

import (
	"cmp"
	"context"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Part are functions of one platform, with the builder for it.
type Part struct {
	*Builder
	Functions []catalog.Function
}

// For returns the platform of the function's image.
func (b *Builder) For(f catalog.Function) v1.Platform {
	p := b.Platform
	if b.Mixed {
		p.Architecture = f.Arch()
	}
	return p
}

// Sources is the platform by which to ask package gobuild about functions of any platform.
func (b *Builder) Sources() v1.Platform {
	p := b.Platform
	if b.Mixed {
		p.Architecture = ""
	}
	return p
}

// Parts divides the functions by their platform.
func (b *Builder) Parts(functions []catalog.Function) []Part {
	var parts []Part
	for _, f := range functions {
		p := b.For(f)
		at := slices.IndexFunc(parts, func(of Part) bool { return of.Platform.Architecture == p.Architecture })
		if at < 0 {
			of := *b
			of.Platform = p
			at, parts = len(parts), append(parts, Part{Builder: &of})
		}
		parts[at].Functions = append(parts[at].Functions, f)
	}
	return parts
}

// apart is the name of an image in a layout that holds it for several architectures.
func apart(name, architecture string) string { return name + ":" + architecture }

// Each makes the images of the functions for each of the architectures, in one layout; see
// [Builder.All].
func (b *Builder) Each(ctx context.Context, architectures []string, functions []catalog.Function, dir string) (*Report, error) {
	var all *Report
	for _, a := range architectures {
		one := *b
		one.Platform.Architecture, one.Mixed, one.Apart = a, false, architectures
		r, err := one.all(ctx, functions, dir)
		if err != nil {
			return nil, err
		}
		all = all.With(r, functions)
	}
	return all, nil
}

// With adds a report to another one, with the images in the order of the functions.
func (r *Report) With(more *Report, functions []catalog.Function) *Report {
	if r == nil {
		return more
	}
	r.Images = append(r.Images, more.Images...)
	slices.SortStableFunc(r.Images, func(a, b Row) int {
		place := func(of Row) int {
			return slices.IndexFunc(functions, func(f catalog.Function) bool { return f.Image == of.Image })
		}
		return cmp.Compare(place(a), place(b))
	})
	platforms := append(strings.Split(r.Platform, ", "), more.Platform)
	slices.Sort(platforms)
	r.Platform = strings.Join(slices.Compact(platforms), ", ")
	for _, w := range more.Warnings {
		if !slices.Contains(r.Warnings, w) {
			r.Warnings = append(r.Warnings, w)
		}
	}
	r.Seconds += more.Seconds
	return r
}
