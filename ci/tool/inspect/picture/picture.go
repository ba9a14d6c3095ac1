// Package picture draws an SVG picture of what the repositories store: the layers of the
// images, as wide as they are large. A layer that images share is drawn once.
package picture

import (
	"bytes"
	_ "embed"
	"encoding/xml"
	"fmt"
	"math"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/report"
)

// Lengths in pixels. A README shows pictures at about this width.
const (
	width     = 850.0
	margin    = 24.0
	names     = 126.0 // for the images' names, left of the layers; at most twice as much
	beside    = 120.0 // for the text right of the longest row
	rowHeight = 26.0
	rowGap    = 4.0
	textSize  = 13.0
	// thinnest is the width of a layer that would be too thin to see.
	thinnest = 3.0
)

// style has light colours, and dark ones for readers who prefer them. The picture has its
// own background, because a page may be dark although the reader prefers light. It uses
// no CSS variables, because some programs that draw SVG do not support them.
//
//go:embed style.css
var style string

// scale turns bytes into pixels.
type scale struct {
	perByte float64
	// stacks is the x position at which the layers begin.
	stacks float64
}

// to returns the width of so many bytes.
func (s scale) to(bytes int64) float64 { return max(thinnest, float64(bytes)*s.perByte) }

// Layers draws the report as an SVG picture. The same report gives the same bytes.
func Layers(r *cost.Report) ([]byte, error) {
	var panels []panel
	longest, label := int64(1), names
	for _, repository := range r.Repositories {
		p := newPanel(repository)
		panels = append(panels, p)
		longest = max(longest, p.longest())
		label = max(label, p.label())
	}
	s := scale{stacks: margin + label}
	s.perByte = (width - margin - s.stacks - beside) / float64(longest)

	body := el("g")
	y := head(body, r, s)
	for _, p := range panels {
		y = p.draw(body, y, s)
	}
	height := foot(body, r, y)

	ground := box{0.5, 0.5, width - 1, height - 1}.rect("ground", "rx", "8")
	svg := el("svg", "xmlns", "http://www.w3.org/2000/svg", "width", px(width), "height", px(height),
		"viewBox", "0 0 "+px(width)+" "+px(height), "role", "img", "aria-labelledby", "title desc").add(
		written(el("title", "id", "title"), title),
		written(el("desc", "id", "desc"), describe(r)),
		&element{XMLName: xml.Name{Local: "style"}, Raw: "\n" + style},
		el("defs").add(el("pattern", "id", "copy", "width", "6", "height", "6", "patternUnits", "userSpaceOnUse", "patternTransform", "rotate(45)").add(
			el("path", "class", "hatch", "d", "M0 0V6"))),
		ground, body)
	out, err := xml.MarshalIndent(svg, "", " ")
	if err != nil {
		return nil, fmt.Errorf("draw the layers: %w", err)
	}
	return append(bytes.TrimSpace(out), '\n'), nil
}

const title = "What the registries store"

// head draws the title and the legend and returns where they end.
func head(to *element, r *cost.Report, s scale) float64 {
	about := "A row is an image. What images share is stored once, and drawn once. Widths are true to size"
	if hasLayer(r, func(l cost.Layer) bool { return l.Part != cost.Config && float64(l.Size)*s.perByte < thinnest }) {
		about += fmt.Sprintf(", from %g pixels on", thinnest)
	}
	about += "."
	to.add(text(margin, 38, "title", title), text(margin, 60, "muted", about))
	const y = 78.0
	x := margin
	key := func(label string, classes ...string) {
		for _, class := range classes {
			more := []string{}
			if class == "copied" {
				more = append(more, "fill", "url(#copy)")
			}
			to.add(box{x, y, 22, 14}.rect(class, more...))
		}
		to.add(text(x+28, y+12, "small", label))
		x += 28 + wide(label, 12) + 18
	}
	keys := func(parts ...cost.Part) {
		for _, part := range parts {
			if hasLayer(r, func(l cost.Layer) bool { return l.Part == part }) {
				key(string(part), string(part))
			}
		}
	}
	keys(cost.Base, cost.FFmpeg, cost.Binary)
	if hasLayer(r, func(l cost.Layer) bool { return l.Part == cost.Binary && (l.Versions > 1 || !l.Latest) }) {
		key(olderLabel(r), "older")
	}
	keys(cost.Documents, cost.Other)
	if copies(r) {
		key("deploy copy, for Lambda", "binary", "copied")
	}
	// The scale bar.
	length, label := measure(s.perByte)
	right := width - margin
	to.add(el("path", "class", "line", "d", fmt.Sprintf("M%s %sv8m0 -4h%sm0 -4v8", px(right-length), px(y+3), px(length))),
		text(right-length-8, y+12, "small muted", label, "text-anchor", "end"))
	return y + 14 + 14
}

// measure returns the length and the label of the scale bar: a round number of megabytes
// of medium length.
func measure(perByte float64) (length float64, label string) {
	bytes := 1.0
	for bytes*perByte*10 < 100 {
		bytes *= 10
	}
	for _, f := range []float64{5, 2} {
		if bytes*f*perByte <= 100 {
			bytes *= f
			break
		}
	}
	return bytes * perByte, fmt.Sprintf("%g MB", math.Round(bytes)/1e6)
}

// hasLayer tells whether is returns true for a layer of the report.
func hasLayer(r *cost.Report, is func(cost.Layer) bool) bool {
	return slices.ContainsFunc(r.Repositories, func(repository cost.RepositoryReport) bool {
		return slices.ContainsFunc(repository.Layers, is)
	})
}

func olderLabel(r *cost.Report) string {
	if r.Versions > 1 {
		return fmt.Sprintf("its %d earlier versions", r.Versions-1)
	}
	return "its earlier versions"
}

func copies(r *cost.Report) bool {
	return slices.ContainsFunc(r.Repositories, func(repository cost.RepositoryReport) bool {
		return slices.ContainsFunc(repository.Parts, func(row cost.Row) bool { return row.DeployCopy })
	})
}

// foot draws the totals beside those of other ways to store the same images, and returns
// the height of the picture.
func foot(to *element, r *cost.Report, y float64) float64 {
	to.add(rule(y))
	columns := []float64{width - margin - 250, width - margin - 125, width - margin}
	row := func(class, name string, cells ...string) {
		to.add(text(margin, y, class, name))
		for n, cell := range cells {
			to.add(text(columns[n], y, class, cell, "text-anchor", "end"))
		}
	}
	y += 24
	row("muted small", "", "private", "public", "dollars a month")
	for n, l := range r.Layouts {
		class := "muted"
		switch {
		case n == 0:
			class = "name"
		case l.Name != cost.PerFunction && l.Name != cost.NothingShared:
			continue
		}
		y += 20
		row(class, strings.ToUpper(l.Name[:1])+l.Name[1:], report.MB(l.Private.Bytes)+" MB", report.MB(l.Public.Bytes)+" MB", fmt.Sprintf("%.4f", l.Dollars))
	}
	y += 24
	note := fmt.Sprintf("Prices of %s for %s: private $%.2f per GB-month, public free below %g GB. ",
		r.Prices.Date, r.Prices.Region, r.Prices.Private.PerGBMonth, r.Prices.Public.FreeGB)
	if len(r.Offline) > 0 {
		note += "Here on a small stand-in for AWS's base."
	}
	to.add(text(margin, y, "muted small", note))
	return y + 18
}

func rule(y float64) *element {
	return el("path", "class", "rule", "d", fmt.Sprintf("M%s %sh%s", px(margin), px(y), px(width-2*margin)))
}

// describe describes the picture in words.
func describe(r *cost.Report) string {
	var lines []string
	for _, repository := range r.Repositories {
		var shares []string
		for _, row := range repository.Parts {
			what := fmt.Sprintf("%s %s MB for %s", row.Part, report.MB(row.Bytes), strings.Join(row.Images, ", "))
			if row.Versions > 1 {
				what += fmt.Sprintf(" in %d versions", row.Versions)
			}
			shares = append(shares, what)
		}
		lines = append(lines, fmt.Sprintf("%s, %s: %s MB. %s.", repository.Title(), repository.Tier, report.MB(repository.Bytes), strings.Join(shares, "; ")))
	}
	return strings.Join(lines, " ")
}
