package picture

import (
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// panel draws one repository: columns of the layers that images share, then a row with the
// other layers of each image.
type panel struct {
	repository cost.RepositoryReport
	images     []string // of the rows
	copies     map[string]bool
	columns    []column
	alone      map[string][]cost.Layer // by image
}

// column has the layers of one part that the same images share.
type column struct {
	part   cost.Part
	images []string
	layers []cost.Layer
}

func (c column) bytes() int64 {
	var sum int64
	for _, l := range c.layers {
		sum += l.Size * int64(l.Versions)
	}
	return sum
}

func newPanel(repository cost.RepositoryReport) panel {
	p := panel{repository: repository, copies: map[string]bool{}, alone: map[string][]cost.Layer{}}
	for _, row := range repository.Parts {
		for _, name := range row.Images {
			p.copies[name] = p.copies[name] || row.DeployCopy
			if !slices.Contains(p.images, name) {
				p.images = append(p.images, name)
			}
		}
	}
	slices.SortFunc(p.images, func(a, b string) int { return strings.Compare(cost.Order(a), cost.Order(b)) })
	for _, l := range repository.Layers {
		switch {
		case l.Part == cost.Config:
			continue // too small to be seen
		case l.Part == cost.Base, l.Part == cost.FFmpeg, len(l.Images) > 1:
			n := slices.IndexFunc(p.columns, func(c column) bool { return c.part == l.Part && slices.Equal(c.images, l.Images) })
			if n < 0 {
				p.columns = append(p.columns, column{part: l.Part, images: l.Images})
				n = len(p.columns) - 1
			}
			p.columns[n].layers = append(p.columns[n].layers, l)
		default:
			p.alone[l.Images[0]] = append(p.alone[l.Images[0]], l)
		}
	}
	for _, layers := range p.alone {
		slices.SortStableFunc(layers, func(a, b cost.Layer) int {
			switch {
			case a.Latest == b.Latest:
				return 0
			case a.Latest:
				return -1
			default:
				return 1
			}
		})
	}
	return p
}

// longName is how many letters of an image's name are shown at most.
const longName = 30

func short(name string) string {
	if letters := []rune(name); len(letters) > longName {
		return string(letters[:longName-1]) + "…"
	}
	return name
}

// copyLabel marks the row of a deploy copy.
const copyLabel = "copy"

// label is the width of the names of the images.
func (p panel) label() float64 {
	var room float64
	for _, name := range p.images {
		w := wide(short(name), textSize) + 12
		if p.copies[name] {
			w += wide(copyLabel, 12) + 12
		}
		room = max(room, w)
	}
	return room
}

// shared is the length of all columns, in bytes.
func (p panel) shared() int64 {
	var sum int64
	for _, c := range p.columns {
		sum += c.bytes()
	}
	return sum
}

// longest is the length of the longest row, in bytes.
func (p panel) longest() int64 {
	var longest int64
	for _, layers := range p.alone {
		longest = max(longest, column{layers: layers}.bytes())
	}
	return p.shared() + longest
}

// draw draws the panel from y down, and returns the y position of its end.
func (p panel) draw(to *element, y float64, s scale) float64 {
	to.add(rule(y))
	y += 24
	p.heading(to, y)
	y += 12
	outside := p.outside(s)
	y += callOutHeight * float64(len(outside))
	x := s.stacks
	for n, c := range p.columns {
		c.draw(to, p.images, x, y, s)
		if level := slices.Index(outside, n); level >= 0 {
			c.callOut(to, x, y, callOutHeight*float64(len(outside)-1-level))
		} else {
			c.label(to, p.images, x, y, s)
		}
		x += c.width(s)
	}
	for n, name := range p.images {
		p.row(to, name, x, y+float64(n)*(rowHeight+rowGap), s)
	}
	return y + float64(len(p.images))*(rowHeight+rowGap) - rowGap + 16
}

// outside are the columns whose label does not fit into them.
func (p panel) outside(s scale) []int {
	var all []int
	for n, c := range p.columns {
		if c.width(s) < wide(c.what(), textSize)+8 {
			all = append(all, n)
		}
	}
	return all
}

func (p panel) heading(to *element, y float64) {
	const tag = 58.0
	r := p.repository
	to.add(box{margin, y - 13.5, tag, 19}.rect("tag", "rx", "9.5"),
		text(margin+tag/2, y, "small muted", string(r.Tier), "text-anchor", "middle"),
		text(margin+tag+10, y, "name", r.Name))
	price := fmt.Sprintf("$%.4f a month", r.Dollars)
	if r.Tier == catalog.Public && r.Dollars == 0 {
		price = "free"
	}
	to.add(text(width-margin, y, "", report.MB(r.Bytes)+" MB stored, "+price, "text-anchor", "end"))
}

// row draws what an image has alone.
func (p panel) row(to *element, name string, x, y float64, s scale) {
	middle := y + rowHeight/2 + 4.5
	to.add(text(margin, middle, "", short(name)))
	if p.copies[name] {
		to.add(text(s.stacks-12, middle, "small muted", copyLabel, "text-anchor", "end"))
	}
	layers := p.alone[name]
	from, cuts := x, ""
	for _, l := range layers {
		for version := range l.Versions {
			class := string(l.Part)
			if l.Part == cost.Binary && (version > 0 || !l.Latest) {
				class = "older"
			}
			w := s.to(l.Size)
			to.add(box{x, y, w, rowHeight}.rect(class))
			x += w
			cuts += fmt.Sprintf("M%s %sv%s", px(x), px(y), px(rowHeight))
		}
	}
	if len(layers) == 0 {
		return
	}
	if p.copies[name] {
		to.add(box{from, y, x - from, rowHeight}.rect("copied", "fill", "url(#copy)"))
	}
	to.add(el("path", "class", "cut", "d", cuts), text(x+8, middle, "", sizes(layers)))
}

// sizes says what the layers take.
func sizes(layers []cost.Layer) string {
	versions := 0
	for _, l := range layers {
		versions += l.Versions
	}
	total := report.MB(column{layers: layers}.bytes())
	switch {
	case versions == 1:
		return total + " MB"
	case len(layers) == 1:
		return fmt.Sprintf("%d × %s MB", versions, report.MB(layers[0].Size))
	case layers[0].Part == cost.Binary:
		return fmt.Sprintf("%d versions, %s MB", versions, total)
	default:
		return fmt.Sprintf("%d layers, %s MB", versions, total)
	}
}
