package picture

import (
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/report"
)

// what names the layers of the column.
func (c column) what() string {
	if len(c.layers) > 1 {
		return fmt.Sprintf("%s %s MB in %d layers", c.part, report.MB(c.bytes()), len(c.layers))
	}
	return fmt.Sprintf("%s %s MB", c.part, report.MB(c.bytes()))
}

// whose names the images that share the column, in as many words as fit into the width.
func (c column) whose(w float64) string {
	ways := []string{"once for " + strings.Join(c.images, ", "), fmt.Sprintf("once for %d images", len(c.images))}
	if len(c.images) == 1 {
		ways = []string{"for " + c.images[0]}
	}
	for _, way := range ways {
		if wide(way, 12)+8 <= w {
			return way
		}
	}
	return ""
}

// runs returns the rows that the column covers, each run from one row to another. Rows
// between two runs do not share it.
func (c column) runs(images []string) [][2]int {
	var all [][2]int
	for n, name := range images {
		switch {
		case !slices.Contains(c.images, name):
		case len(all) > 0 && all[len(all)-1][1] == n-1:
			all[len(all)-1][1] = n
		default:
			all = append(all, [2]int{n, n})
		}
	}
	return all
}

// width is the width of all layers.
func (c column) width(s scale) float64 {
	var sum float64
	for _, l := range c.layers {
		sum += s.to(l.Size)
	}
	return sum
}

// draw draws the layers over all rows that share them. A line joins the parts if rows
// between them do not share the layers.
func (c column) draw(to *element, images []string, x, y float64, s scale) {
	runs := c.runs(images)
	for _, l := range c.layers {
		w := s.to(l.Size)
		for n, run := range runs {
			top := y + float64(run[0])*(rowHeight+rowGap)
			height := float64(run[1]-run[0]+1)*(rowHeight+rowGap) - rowGap
			to.add(box{x, top, w, height}.rect(string(c.part)))
			to.add(el("path", "class", "cut", "d", fmt.Sprintf("M%s %sv%s", px(x+w), px(top), px(height))))
			if n > 0 {
				above := y + float64(runs[n-1][1]+1)*(rowHeight+rowGap) - rowGap
				to.add(el("path", "class", "line", "d", fmt.Sprintf("M%s %sV%s", px(x+w/2), px(above), px(top))))
			}
		}
		x += w
	}
}

// label writes the label into the column.
func (c column) label(to *element, images []string, x, y float64, s scale) {
	w := c.width(s)
	run := c.runs(images)[0]
	middle := y + (float64(run[0]+run[1]+1)*(rowHeight+rowGap)-rowGap)/2 + 4.5
	whose := c.whose(w)
	both := c.what() + ", " + whose
	inside := func(y float64, class, content string) {
		to.add(text(x+w/2, y, class, content, "text-anchor", "middle"))
	}
	switch {
	case whose != "" && run[0] < run[1]: // there is room for two lines
		inside(middle-8, "inside", c.what())
		inside(middle+9, "inside small", whose)
	case whose != "" && wide(both, textSize)+8 <= w:
		inside(middle, "inside", both)
	default:
		inside(middle, "inside", c.what())
	}
}

// callOutHeight is the height of a label above the column.
const callOutHeight = 17.0

// callOut writes the label above the column, higher by the given distance.
func (c column) callOut(to *element, x, y, higher float64) {
	label := c.what()
	if whose := c.whose(width - margin - x - wide(label, textSize)); whose != "" {
		label += ", " + whose
	}
	to.add(el("path", "class", "line", "d", fmt.Sprintf("M%s %sV%sh6", px(x+thinnest/2), px(y-1), px(y-8-higher))),
		text(x+11, y-4-higher, "small", label))
}
