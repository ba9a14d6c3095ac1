package sizediff

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/report"
)

// section is one table of the report.
type section struct {
	title  string
	header []string
	rows   [][]string
	long   bool // folded in Markdown
}

// Table prints the report for people. For each image it shows the packages whose size
// changed most, at most top.
func (r *Report) Table(w io.Writer, top int) error {
	for n, s := range r.sections(top) {
		if n > 0 {
			fmt.Fprintf(w, "\n%s:\n", s.title)
		}
		if err := report.Table(w, s.header, s.rows); err != nil {
			return err
		}
	}
	for _, note := range r.Notes {
		fmt.Fprintln(w, "! "+report.Line(note))
	}
	_, err := fmt.Fprintf(w, "%s -> %s: %s, %s\n", r.From, r.To, r.summary(), report.Seconds(r.Seconds))
	return err
}

// Markdown prints the report for the summary of a CI job.
func (r *Report) Markdown(w io.Writer, top int) error {
	fmt.Fprintf(w, "### Image sizes: %s → %s\n\n%s.\n", r.From, r.To, r.summary())
	for n, s := range r.sections(top) {
		switch {
		case s.long:
			fmt.Fprintf(w, "\n<details><summary>%s</summary>\n", s.title)
		case n > 0:
			fmt.Fprintf(w, "\n#### %s\n", s.title)
		}
		fmt.Fprintln(w)
		if err := report.Markdown(w, s.header, s.rows); err != nil {
			return err
		}
		if s.long {
			fmt.Fprint(w, "\n</details>\n")
		}
	}
	if len(r.Notes) > 0 {
		fmt.Fprintln(w)
	}
	for _, note := range r.Notes {
		if _, err := fmt.Fprintln(w, "- "+report.Line(note)); err != nil {
			return fmt.Errorf("print the report: %w", err)
		}
	}
	return nil
}

func (r *Report) summary() string {
	changed := 0
	for _, c := range r.Changes {
		if !c.Same() {
			changed++
		}
	}
	_, _, of := report.For(nil, nil, r.platforms())
	switch {
	case changed == 0 && len(r.Changes) == 1:
		return "the image" + of + " is the same"
	case changed == 0:
		return fmt.Sprintf("all %d images%s are the same", len(r.Changes), of)
	}
	return fmt.Sprintf("%d of %d images%s changed, %s MB of new layers", changed, len(r.Changes), of, report.MB(r.NewBytes))
}

// platforms says what each image is for; both sides are for the same.
func (r *Report) platforms() (all []string) {
	for _, c := range r.Changes {
		all = append(all, cmp.Or(c.After, c.Before).Platform)
	}
	return all
}

// sections returns the tables that have rows, the table of sizes first.
func (r *Report) sections(top int) []section {
	sections := []section{{
		header: []string{"IMAGE", "MB BEFORE", "MB AFTER", "CHANGE", "NEW LAYERS, MB", "NEW BLOCKS", "BINARY, MB"},
	}}
	packages := section{
		title:  "Go packages by the size of their functions; an inlined function counts as part of its callers",
		header: []string{"IMAGE", "PACKAGE", "KB BEFORE", "KB AFTER", "CHANGE"}, long: true,
	}
	for _, c := range r.Changes {
		sections[0].rows = append(sections[0].rows, sizeRow(c))
		packages.rows = append(packages.rows, packageRows(c, top)...)
	}
	sections[0].header, sections[0].rows, _ = report.For(sections[0].header, sections[0].rows, r.platforms())
	versions := section{title: "Versions that changed", header: []string{"WHAT", "BEFORE", "AFTER", "IMAGES"}, rows: r.versionRows()}
	for _, s := range []section{packages, versions} {
		if len(s.rows) > 0 {
			sections = append(sections, s)
		}
	}
	return sections
}

func sizeRow(c *Change) []string {
	var layers []string
	for _, l := range c.NewLayers {
		layers = append(layers, string(l.Kind)+" "+report.MB(l.Bytes))
	}
	blocks := ""
	if c.NewBlocks != nil && !c.Same() {
		blocks = fmt.Sprint(*c.NewBlocks)
	}
	switch {
	case c.Before == nil:
		return []string{c.Image, "", report.MB(c.After.Bytes), "new", strings.Join(layers, " + "), blocks, ""}
	case c.After == nil:
		return []string{c.Image, report.MB(c.Before.Bytes), "", "gone", "", "", ""}
	}
	change, binary := signed(c.Grew), ""
	switch {
	case c.Same():
		change = "same"
	case c.Before.Bytes > 0:
		change += fmt.Sprintf(" (%+.1f %%)", 100*float64(c.Grew)/float64(c.Before.Bytes))
	}
	if c.Before.BinaryBytes > 0 && c.After.BinaryBytes > 0 {
		binary = fmt.Sprintf("%s -> %s", report.MB(c.Before.BinaryBytes), report.MB(c.After.BinaryBytes))
	}
	return []string{c.Image, report.MB(c.Before.Bytes), report.MB(c.After.Bytes), change, strings.Join(layers, " + "), blocks, binary}
}

// packageRows returns the rows of the packages of one image that changed most, one row for
// the sum of the others, and one for what is in the program besides functions.
func packageRows(c *Change, top int) [][]string {
	if c.Before == nil || c.After == nil || c.Before.binary == nil || c.After.binary == nil {
		return nil
	}
	most := slices.Clone(c.Packages)
	slices.SortStableFunc(most, func(a, b Package) int { return cmp.Compare(abs(b.Grew()), abs(a.Grew())) })
	rest := most[min(top, len(most)):]
	var rows [][]string
	row := func(name string, before, after int64) {
		rows = append(rows, []string{c.Image, name, kilobytes(before), kilobytes(after), signed(after - before)})
	}
	for _, p := range c.Packages {
		if !slices.Contains(rest, p) {
			row(p.Path, p.Before, p.After)
		}
	}
	if len(rest) > 0 {
		var others Package
		for _, p := range rest {
			others.Before += p.Before
			others.After += p.After
		}
		row(fmt.Sprintf("%d more packages", len(rest)), others.Before, others.After)
	}
	before, after := c.Before.BinaryBytes-c.Before.CodeBytes, c.After.BinaryBytes-c.After.CodeBytes
	if before != after {
		row("data, types and tables", before, after)
	}
	return rows
}

// versionRows returns each changed version once, with the images that have it.
func (r *Report) versionRows() [][]string {
	var order []Version
	images := map[Version][]string{}
	for _, c := range r.Changes {
		for _, v := range c.Versions {
			if _, ok := images[v]; !ok {
				order = append(order, v)
			}
			images[v] = append(images[v], c.Image)
		}
	}
	var rows [][]string
	for _, v := range order {
		before, after := shortened(v.Before), shortened(v.After)
		switch {
		case v.Before == "":
			before = "new"
		case v.After == "":
			after = "gone"
		}
		rows = append(rows, []string{v.What, before, after, strings.Join(images[v], ", ")})
	}
	return rows
}

// shortened shortens the digest in a version.
func shortened(version string) string {
	const digits = 12
	if name, digest, ok := strings.Cut(version, "@sha256:"); ok {
		return name + "@sha256:" + digest[:min(digits, len(digest))]
	}
	return version
}

func kilobytes(bytes int64) string { return fmt.Sprintf("%.1f", float64(bytes)/1e3) }

// signed prints a change in bytes, in a suitable unit.
func signed(bytes int64) string {
	switch size := abs(bytes); {
	case size < 1000:
		return fmt.Sprintf("%+d B", bytes)
	case size < 1_000_000:
		return fmt.Sprintf("%+.1f KB", float64(bytes)/1e3)
	default:
		return fmt.Sprintf("%+.1f MB", float64(bytes)/1e6)
	}
}

func abs(n int64) int64 { return max(n, -n) }
