package plan

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/report"
)

// Print prints what would be done for each function, and what could not be read: as a table for a
// terminal or, with markdown, for a page.
func (p *Plan) Print(w io.Writer, markdown bool) error {
	table, line := report.Table, func(text string) { fmt.Fprintln(w, text) }
	if markdown {
		fmt.Fprintf(w, "### Plan for commit %s\n\n", p.Commit)
		table, line = report.Markdown, func(text string) { fmt.Fprintf(w, "- %s\n", report.Escape(text)) }
	}
	rows, platforms := p.rows()
	header := []string{"IMAGE", "PUBLISH", "MB", "NEW BLOCKS", "RUNS NOW", "AFTER", "DEPLOY", "WHY"}
	if len(p.Functions) > 0 && p.Functions[0].Region != "" {
		header = append([]string{"REGION"}, header...)
		for n := range rows {
			rows[n] = append([]string{p.Functions[n].Region}, rows[n]...)
		}
	}
	header, rows, of := report.For(header, rows, platforms)
	if err := table(w, header, rows); err != nil {
		return err
	}
	if markdown {
		fmt.Fprintln(w)
	}
	for _, text := range p.lines(of) {
		line(text)
	}
	return nil
}

func (p *Plan) rows() (rows [][]string, platforms []string) {
	for _, r := range p.Functions {
		rows = append(rows, []string{r.Image, r.publish(), report.MB(r.Bytes), r.blocks(), r.runs(), deploy.Short(r.Digest), cmp.Or(r.Deploy, "?"), r.why()})
		platforms = append(platforms, r.Platform)
	}
	return rows, platforms
}

// regions counts those whose functions could be read.
func (p *Plan) regions() int {
	seen := map[string]bool{}
	for _, r := range p.Functions {
		if r.Deploy != "" {
			seen[r.Region] = true
		}
	}
	return len(seen)
}

// lines are what is said of all functions, and what could not be read. of is for which platform the
// images are, if for one.
func (p *Plan) lines(of string) (lines []string) {
	updates, seen := 0, 0
	for _, r := range p.Functions {
		if r.Deploy != "" {
			seen++
		}
		if r.Deploy == Update {
			updates++
		}
	}
	text := "plan for commit " + p.Commit + of
	if p.Published() {
		text += fmt.Sprintf("; publish would send %d bytes and attach %s", p.Bytes, report.Count(p.Attachments, "document"))
	}
	if seen > 0 {
		text += fmt.Sprintf("; deploy would update %d of %s", updates, report.Count(seen, "function"))
		if p.Functions[0].Region != "" {
			text += " in " + report.Count(p.regions(), "region")
		}
	}
	if p.Gates > 0 && len(p.Stopped) == 0 {
		text += "; " + report.Count(p.Gates, "gate") + " passed"
	}
	lines = append(lines, text)
	if p.Latest != "" {
		lines = append(lines, p.Latest)
	}
	add := func(prefix string, all []string) {
		for _, s := range all {
			lines = append(lines, prefix+s)
		}
	}
	add("publish would stop: ", p.Stopped)
	add("deploy: ", p.Back)
	add("deploy would refuse: ", p.refused())
	if len(p.Archived) > 0 {
		lines = append(lines, fmt.Sprintf("rollback: what runs now is archived (%s), so a rollback to it would first wait for AWS to restore it, up to %s", strings.Join(p.Archived, ", "), p.restoreTakes))
	}
	add("unknown: ", p.NotSeen)
	return lines
}

// Published tells whether the registries could be read.
func (p *Plan) Published() bool {
	return slices.ContainsFunc(p.Functions, func(r Row) bool { return len(r.Publish) > 0 })
}

// publish names what publish would do, once if it is the same everywhere.
func (r Row) publish() string {
	if r.shared {
		return "as above"
	}
	var actions []string
	for _, s := range r.Publish {
		text := string(s.Action)
		if !slices.ContainsFunc(r.Publish, func(o publish.Step) bool { return o.Action != s.Action }) {
			actions = []string{text}
			break
		}
		actions = append(actions, text+" "+string(s.Tier))
	}
	return cmp.Or(strings.Join(actions, ", "), "?")
}

func (r Row) blocks() string {
	if r.NewBlocks == nil {
		return "?"
	}
	return fmt.Sprint(*r.NewBlocks)
}

func (r Row) runs() string {
	if r.Deploy == "" {
		return "?"
	}
	text := deploy.Short(r.Runs)
	if r.moves() {
		text = report.DigestFor(r.Runs, r.RunsPlatform)
	}
	if r.RunsCommit != "" {
		text += " (" + r.RunsCommit + ")"
	}
	return text
}

// why says in a few words why the image changed, or did not.
func (r Row) why() string {
	switch {
	case r.Why == nil && r.Deploy == Unchanged:
		return ""
	case r.Why == nil:
		return "?"
	case r.Deploy == Unchanged && r.Why.None():
		return "nothing changed"
	case r.Deploy == Unchanged:
		return "same image, although these changed: " + r.Why.String()
	case r.Why.None() && r.moves():
		return "no source changed since " + r.Since + "; it is for another platform"
	case r.Why.None() && r.Deploy == Update:
		return "no source changed since " + r.Since + "; the base, ffmpeg or Go differs"
	case r.Why.None():
		return "nothing changed since " + r.Since
	default:
		return r.Why.String()
	}
}

// refused says which functions deploy would refuse to update, because their images are for another
// platform: a line for each platform and region.
func (p *Plan) refused() (lines []string) {
	type move struct{ region, from, to string }
	of := map[move][]string{}
	var order []move
	for _, r := range p.Functions {
		if !r.moves() {
			continue
		}
		m := move{r.Region, r.RunsPlatform, r.Platform}
		if of[m] == nil {
			order = append(order, m)
		}
		of[m] = append(of[m], r.Lambda)
	}
	for _, m := range order {
		lines = append(lines, fmt.Sprintf("an image for %s%s, because the function is for %s (%s); pass --platform %[3]s", m.to, in(m.region), m.from, strings.Join(of[m], ", ")))
	}
	return lines
}
