package cost

import (
	"fmt"
	"io"
	"strings"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Print prints the report as tables for a terminal or, with markdown, for a page.
func (r *Report) Print(w io.Writer, markdown bool) error {
	table, head := report.Table, "%s\n"
	header := func(words ...string) []string { return strings.Split(strings.ToUpper(strings.Join(words, "|")), "|") }
	if markdown {
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
	for _, note := range notes(r) {
		if markdown {
			note = "- " + note
		}
		if _, err := fmt.Fprintln(w, note); err != nil {
			return err
		}
	}
	return nil
}

func sourceOf(r *Report) string {
	if r.Versions > 0 {
		return fmt.Sprintf("%s, with %s of each image kept that differ in the binary only", r.Source, report.Count(r.Versions, "version"))
	}
	return r.Source + ", as it is now"
}

// partRows has a row for each part of what a repository holds, and their sum.
func partRows(r *Report) [][]string {
	var rows [][]string
	for _, repository := range r.Repositories {
		name := fmt.Sprintf("%s (%s)", repository.Title(), repository.Tier)
		for _, p := range repository.Parts {
			images := strings.Join(p.Images, ", ")
			if p.DeployCopy {
				images += " (deploy copy)"
			}
			each := p.Bytes / int64(max(1, p.Versions))
			rows = append(rows, []string{name, string(p.Part), images, report.MB(each), fmt.Sprint(p.Versions), report.MB(p.Bytes), ""})
			name = ""
		}
		rows = append(rows, []string{name, "all", fmt.Sprintf("%s, %s MB if no layer were shared", report.Count(repository.Versions, "image"), report.MB(repository.Whole)),
			"", "", report.MB(repository.Bytes), dollars(repository.Dollars)})
	}
	return rows
}

func layoutRows(r *Report) [][]string {
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

func notes(r *Report) []string {
	price := func(tier catalog.Registry, p Price) string {
		text := fmt.Sprintf("%s $%.2f per GB-month", tier, p.PerGBMonth)
		if p.FreeGB > 0 {
			text += fmt.Sprintf(" above %g GB", p.FreeGB)
		}
		return text
	}
	all := []string{fmt.Sprintf("prices of %s (%s) for %s: %s, %s; a GB is 2^30 bytes there, a MB here 10^6", r.Prices.Date,
		r.Prices.Source, r.Prices.Region, price(catalog.Private, r.Prices.Private), price(catalog.Public, r.Prices.Public))}
	if a := r.Archived; a != nil {
		all = append(all, fmt.Sprintf("archived, and not counted above: %s of at most %s MB (a layer of several counts for each), $%s a month at $%.2f per GB-month; to restore a GB costs $%.2f, and each image is charged for %d days at least",
			report.Count(a.Images, "image"), report.MB(a.Bytes), dollars(a.Dollars), r.Prices.Archive.PerGBMonth, r.Prices.Archive.PerGBRestored, r.Prices.Archive.MinimumDays))
	}
	if len(r.Offline) > 0 {
		all = append(all, strings.Join(r.Offline, ", ")+": measured on the small static base that is used where no registry is reachable; the base of AWS is larger")
	}
	for _, region := range r.NotRead {
		all = append(all, "not measured: "+region)
	}
	return all
}

// dollars prints an amount; storage of so little costs fractions of a cent.
func dollars(d float64) string { return fmt.Sprintf("%.4f", d) }
