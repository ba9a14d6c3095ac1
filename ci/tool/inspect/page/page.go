// Package page writes a release as one HTML page for people: what each image holds, what changed
// since the last release, and what is known about it. The page needs nothing but itself: no
// script, no font, no address.
package page

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/report"
)

//go:embed page.html
var source string

//go:embed page.css
var style string

// Page is what the page tells.
type Page struct {
	// Workspace is the name of what is released, Commit what it is published under, and Since the
	// commit that it is compared with; "" if there is none.
	Workspace string    `json:"workspace"`
	Commit    string    `json:"commit"`
	Since     string    `json:"since,omitempty"`
	Made      time.Time `json:"made"`
	Images    []Image   `json:"images"`
	// NewBytes is the size of the layers that no image of Since has.
	NewBytes int64  `json:"newBytes"`
	Cost     *Cost  `json:"cost,omitempty"`
	Releases []Made `json:"releases,omitempty"`
	// Checked says how vulnerabilities were looked for; "" if they were not.
	Checked string `json:"checked,omitempty"`
	// Verified says how the images were verified; "" if they were not. Places are the results.
	Verified string  `json:"verified,omitempty"`
	Places   []Place `json:"places,omitempty"`
	// Unknown says what could not be found out, and how to.
	Unknown []string `json:"unknown,omitempty"`
}

// Image is one image.
type Image struct {
	Name       string `json:"name"`
	Lambda     string `json:"lambda,omitempty"`
	Variant    string `json:"variant"`
	Public     bool   `json:"public"`
	Repository string `json:"repository"`
	Digest     string `json:"digest"`
	Platform   string `json:"platform"`
	// Before is the digest at Since; "" for a new image, or if there is no Since.
	Before string  `json:"before,omitempty"`
	Layers []Layer `json:"layers"`
	Bytes  int64   `json:"bytes"`
	Grew   int64   `json:"grew"`
	// Sources are the files that changed, of those that the image is built from, and Versions the
	// versions.
	Sources  []string `json:"sources,omitempty"`
	Versions []string `json:"versions,omitempty"`
	// Packages are what the SBOM lists.
	Packages        []Package       `json:"packages,omitempty"`
	Vulnerabilities []Vulnerability `json:"vulnerabilities,omitempty"`
	// Builder made the image, and Run is its run.
	Builder string `json:"builder,omitempty"`
	Run     string `json:"run,omitempty"`
}

// Layer is a layer of an image.
type Layer struct {
	Kind   string `json:"kind"`
	Digest string `json:"digest"`
	Bytes  int64  `json:"bytes"`
	// New is true if no image of Since has it.
	New bool `json:"new,omitempty"`
}

// Package is an entry of an SBOM.
type Package struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Kind    string `json:"kind"`
	Licence string `json:"licence,omitempty"`
}

// Vulnerability is one that is known.
type Vulnerability struct {
	ID      string `json:"id"`
	Summary string `json:"summary,omitempty"`
	Module  string `json:"module"`
	Found   string `json:"found"`
	Fixed   string `json:"fixed,omitempty"`
	Reach   string `json:"reach"`
	// Redeploy is true if the image has to be built again because of it.
	Redeploy bool `json:"redeploy,omitempty"`
}

// Cost is what it costs to keep this version of the images for a month.
type Cost struct {
	Dollars      float64      `json:"dollarsPerMonth"`
	Repositories []Repository `json:"repositories"`
	Source       string       `json:"source"`
}

// Repository is what a repository stores of this version.
type Repository struct {
	Name    string  `json:"name"`
	Bytes   int64   `json:"bytes"`
	Dollars float64 `json:"dollarsPerMonth"`
}

// Made is a deploy or rollback to the commit.
type Made struct {
	Kind  string    `json:"kind"`
	Time  time.Time `json:"time"`
	Who   string    `json:"who"`
	Where string    `json:"where"`
	Alias string    `json:"alias,omitempty"`
	// Images are those of the functions that it updated.
	Images []string `json:"images"`
}

// Place is the result of a verification of an image in a repository.
type Place struct {
	Image      string `json:"image"`
	Repository string `json:"repository"`
	Same       bool   `json:"same"`
	Result     string `json:"result"`
	// Signed is yes, no or not checked, and Signer who signed.
	Signed string `json:"signed"`
	Signer string `json:"signer,omitempty"`
}

// Changed tells whether the image is another one than at Since.
func (i Image) Changed() bool { return i.Before != i.Digest }

// Changed counts the images that are others than at Since.
func (p *Page) Changed() int {
	return len(slices.DeleteFunc(slices.Clone(p.Images), func(i Image) bool { return !i.Changed() }))
}

// count counts the vulnerabilities that are wanted, each once.
func (p *Page) count(want func(Vulnerability) bool) int {
	seen := map[string]bool{}
	for _, i := range p.Images {
		for _, v := range i.Vulnerabilities {
			if want(v) {
				seen[v.ID] = true
			}
		}
	}
	return len(seen)
}

// Known counts the vulnerabilities that are known, each once.
func (p *Page) Known() int { return p.count(func(Vulnerability) bool { return true }) }

// Redeploys counts those because of which images have to be built again.
func (p *Page) Redeploys() int { return p.count(func(v Vulnerability) bool { return v.Redeploy }) }

// Builders are those who built the images, each once, with their runs.
func (p *Page) Builders() (all []string) {
	for _, i := range p.Images {
		text := i.Builder
		if i.Run != "" {
			text += ", run " + i.Run
		}
		if text != "" && !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	return all
}

// Signers are those who signed, each once.
func (p *Page) Signers() (all []string) {
	for _, place := range p.Places {
		if place.Signer != "" && !slices.Contains(all, place.Signer) {
			all = append(all, place.Signer)
		}
	}
	return all
}

// InOrder has the images that changed first.
func (p *Page) InOrder() []Image {
	all := slices.Clone(p.Images)
	rank := func(i Image) int {
		if i.Changed() {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(all, func(a, b Image) int { return rank(a) - rank(b) })
	return all
}

// Failed counts the places that are not what they should be.
func (p *Page) Failed() int {
	return len(slices.DeleteFunc(slices.Clone(p.Places), func(p Place) bool { return p.Same && p.Signed != "no" }))
}

// Bytes is the size of the layers of all images, each once.
func (p *Page) Bytes() (sum int64) {
	seen := map[string]bool{}
	for _, i := range p.Images {
		for _, l := range i.Layers {
			if !seen[l.Digest] {
				seen[l.Digest] = true
				sum += l.Bytes
			}
		}
	}
	return sum
}

// share is the part of the largest image in percent, for a bar to scale.
func (p *Page) share(bytes int64) float64 {
	largest := int64(1)
	for _, i := range p.Images {
		largest = max(largest, i.Bytes)
	}
	return 100 * float64(bytes) / float64(largest)
}

// Write writes the page.
func (p *Page) Write(w io.Writer) error {
	t, err := template.New("page").Funcs(template.FuncMap{
		"mb":       func(bytes int64) string { return report.MB(bytes) + " MB" },
		"grew":     grew,
		"digest":   report.Digest,
		"time":     report.Time,
		"count":    report.Count,
		"dollars":  dollars,
		"share":    p.share,
		"describe": describe,
		"join":     func(all []string) string { return strings.Join(all, ", ") },
		"kind":     kind,
		"style":    func() template.CSS { return template.CSS(style) }, //nolint:gosec // it is a file of this package
	}).Parse(source)
	if err != nil {
		return fmt.Errorf("read the template of the page: %w", err)
	}
	if err := t.Execute(w, p); err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	return nil
}

// kinds are the kinds of layers that have a colour of their own.
var kinds = []string{"base", "ffmpeg", "binary", "files"}

// kind is the class of a layer.
func kind(name string) string {
	if slices.Contains(kinds, name) {
		return name
	}
	return "other"
}

// grew is a change of size with its sign.
func grew(bytes int64) string {
	switch {
	case bytes == 0:
		return "same size"
	case bytes < 0:
		return "−" + size(-bytes)
	}
	return "+" + size(bytes)
}

// dollars is a price.
func dollars(d float64) string {
	if d > 0 && d < .01 {
		return "< $0.01"
	}
	return fmt.Sprintf("$%.2f", d)
}

// size is that of what may be small.
func size(bytes int64) string {
	switch {
	case bytes < 1000:
		return report.Count(int(bytes), "byte")
	case bytes < 100_000:
		return fmt.Sprintf("%.1f kB", float64(bytes)/1000)
	}
	return report.MB(bytes) + " MB"
}

// describe is the bar of an image in words.
func describe(i Image) string {
	var all []string
	for _, l := range i.Layers {
		all = append(all, l.Kind+" "+report.MB(l.Bytes)+" MB")
	}
	return "Layers: " + strings.Join(all, ", ")
}
