//go:build !steps

package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// printCost prints the report and draws the picture, as the flags say.
func (a *app) printCost(cmd *cobra.Command, r *cost.Report, f *costFlags) error {
	if f.svg != "" {
		if err := f.draw(cmd, r); err != nil || f.svg == "-" {
			return err
		}
	}
	return a.print(cmd, r, func(w io.Writer) error {
		table, head := report.Table, "%s\n"
		header := func(words ...string) []string { return strings.Split(strings.ToUpper(strings.Join(words, "|")), "|") }
		if f.markdown {
			table, head = report.Markdown, "**%s**\n\n"
			header = func(words ...string) []string { return words }
		}
		if _, err := fmt.Fprintf(w, head, sourceOf(r)); err != nil {
			return err
		}
		if err := table(w, header("Repository", "Part", "Images", "MB", "Versions", "Stored MB", "$ a month"), partRows(r)); err != nil {
			return err
		}
		fmt.Fprintln(w)
		if err := table(w, header("Stored", "Private MB", "Public MB", "$ a month", "More", "That is"), layoutRows(r)); err != nil {
			return err
		}
		fmt.Fprintln(w)
		for _, note := range costNotes(r) {
			if f.markdown {
				note = "- " + note
			}
			if _, err := fmt.Fprintln(w, note); err != nil {
				return err
			}
		}
		if f.svg != "" && !f.markdown {
			fmt.Fprintln(w, "drew", f.svg)
		}
		return nil
	})
}

func sourceOf(r *cost.Report) string {
	if r.Versions > 0 {
		return fmt.Sprintf("%s, with %d versions of each image kept, of which only the binary differs", r.Source, r.Versions)
	}
	return r.Source + ", as it is now"
}

// partRows has a row for each part of what a repository holds, and their sum.
func partRows(r *cost.Report) [][]string {
	var rows [][]string
	for _, repository := range r.Repositories {
		name := fmt.Sprintf("%s (%s)", repository.Name, repository.Tier)
		for _, p := range repository.Parts {
			images := strings.Join(p.Images, ", ")
			if p.DeployCopy {
				images += " (deploy copy)"
			}
			each := p.Bytes / int64(max(1, p.Versions))
			rows = append(rows, []string{name, string(p.Part), images, report.MB(each), fmt.Sprint(p.Versions), report.MB(p.Bytes), ""})
			name = ""
		}
		rows = append(rows, []string{name, "all", fmt.Sprintf("%d images, %s MB if each were whole", repository.Versions, report.MB(repository.Whole)),
			"", "", report.MB(repository.Bytes), dollars(repository.Dollars)})
	}
	return rows
}

func layoutRows(r *cost.Report) [][]string {
	var rows [][]string
	for n, l := range r.Layouts {
		more := ""
		if n > 0 {
			more = strings.ReplaceAll(fmt.Sprintf("%+.4f", l.Dollars-r.Dollars), "-0.0000", "+0.0000")
		}
		rows = append(rows, []string{l.Name, report.MB(l.Private.Bytes), report.MB(l.Public.Bytes), dollars(l.Dollars), more, l.About})
	}
	return rows
}

func costNotes(r *cost.Report) []string {
	price := func(tier catalog.Registry, p cost.Price) string {
		text := fmt.Sprintf("%s $%.2f per GB-month", tier, p.PerGBMonth)
		if p.FreeGB > 0 {
			text += fmt.Sprintf(" above %g GB", p.FreeGB)
		}
		return text
	}
	notes := []string{fmt.Sprintf("prices of %s (%s) for %s: %s, %s; a GB is 2^30 bytes there, a MB here 10^6", r.Prices.Date,
		r.Prices.Source, r.Prices.Region, price(catalog.Private, r.Prices.Private), price(catalog.Public, r.Prices.Public))}
	if len(r.Offline) > 0 {
		notes = append(notes, strings.Join(r.Offline, ", ")+": measured on the small static base that stands in where no registry is in reach; AWS's is larger")
	}
	return notes
}

// dollars prints an amount; storage of so little costs fractions of a cent.
func dollars(d float64) string { return fmt.Sprintf("%.4f", d) }
