//go:build unix

package main

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"strings"

	"lambdas.internal/ci/tool/report"
)

//go:embed chart.svg.tmpl
var chartFiles embed.FS

var chartTemplate = template.Must(template.ParseFS(chartFiles, "chart.svg.tmpl"))

// The measures of the chart, in pixels.
const (
	chartWidth = 850
	barLeft    = 190
	barRight   = 740 // leaves room for the number to the right of the longest bar
	barHeight  = 14
	rowHeight  = 20
	groupHead  = 40
	chartHead  = 50
	chartFoot  = 20
)

// charted are the cases that the chart shows, in this order.
func charted() []string {
	return []string{caseSame, caseEdit, caseShared, caseCold, caseEditOf(100)}
}

type (
	chart struct {
		Width, Height int
		Machine       string
		Groups        []chartGroup
		// Text describes the chart for screen readers.
		Text string
	}
	chartGroup struct {
		Title string
		Y     int
		Bars  []chartBar
	}
	chartBar struct {
		Subject, Seconds, Class          string
		Y, Left, Width, Height, TextY, X int
	}
)

// draw writes the chart of the run: a group of bars for each case, each with its own
// scale.
func (r Run) draw(w io.Writer) error {
	c := chart{Width: chartWidth, Machine: fmt.Sprintf("%s, %s", report.Count(r.Machine.Cores, "core"), r.Machine.Time.Format("2006-01-02"))}
	y := chartHead
	var text strings.Builder
	for _, name := range charted() {
		rows := rowsOf(r.Results, name)
		if len(rows) == 0 {
			continue
		}
		longest := 0.0
		for _, row := range rows {
			longest = max(longest, row.Took.Median)
		}
		g := chartGroup{Title: name, Y: y + groupHead - 18}
		y += groupHead
		fmt.Fprintf(&text, "%s:", name)
		for _, row := range rows {
			b := chartBar{Subject: row.Subject, Seconds: seconds(row.Took.Median) + " s", Class: class(row.Subject),
				Y: y, Left: barLeft, Height: barHeight, TextY: y + barHeight - 3,
				Width: max(1, int(row.Took.Median/longest*(barRight-barLeft)))}
			b.X = b.Left + b.Width + 6
			g.Bars = append(g.Bars, b)
			y += rowHeight
			fmt.Fprintf(&text, " %s %s;", b.Subject, b.Seconds)
		}
		c.Groups = append(c.Groups, g)
	}
	c.Height, c.Text = y+chartFoot, text.String()
	if err := chartTemplate.Execute(w, c); err != nil {
		return fmt.Errorf("draw the chart: %w", err)
	}
	return nil
}

// class returns the CSS class of a bar, which sets its colour.
func class(subject string) string {
	switch subject {
	case nameTool, nameToolKept, nameDagger, nameSecond:
		return "ours"
	case nameGo, nameGoOne, nameIdleDagger, nameSecond + itsVersion:
		return "limit"
	default:
		return "others"
	}
}

func rowsOf(results []Result, name string) []Row {
	for _, r := range results {
		if r.Case == name {
			return r.Rows
		}
	}
	return nil
}
