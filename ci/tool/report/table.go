// Package report prints what commands find and do: tables for people, JSON for
// programs, and progress while a step runs.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"text/tabwriter"
	"time"
)

// Table prints rows below a header, in columns as wide as their content.
func Table(w io.Writer, header []string, rows [][]string) error {
	var padded strings.Builder
	tw := tabwriter.NewWriter(&padded, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		cells := make([]string, len(row))
		for i, cell := range row {
			cells[i] = escape(Line(cell)) // a row is a line, and as wide as it is shown
		}
		fmt.Fprintln(tw, strings.Join(cells, "\t"))
	}
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	for line := range strings.Lines(padded.String()) {
		if _, err := io.WriteString(w, strings.TrimRight(line, " \n")+"\n"); err != nil {
			return fmt.Errorf("print the table: %w", err)
		}
	}
	return nil
}

// JSON prints v as indented JSON.
func JSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("print the result as JSON: %w", err)
	}
	return nil
}

// MB prints a number of bytes in megabytes (10^6 bytes).
func MB(bytes int64) string {
	return fmt.Sprintf("%.1f", float64(bytes)/1e6)
}

// Count prints a number with its noun: "1 image", "5 images". plural is needed only
// where it is not the noun with an s: "2 repositories".
func Count(n int, noun string, plural ...string) string {
	switch {
	case n == 1:
		return "1 " + noun
	case len(plural) > 0:
		return fmt.Sprintf("%d %s", n, plural[0])
	default:
		return fmt.Sprintf("%d %ss", n, noun)
	}
}

// Duration prints a time in seconds, with as many digits as matter.
func Duration(d time.Duration) string {
	if d.Round(10*time.Millisecond) < 10*time.Second {
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// Seconds prints a number of seconds, as results hold them.
func Seconds(s float64) string { return Duration(time.Duration(s * float64(time.Second))) }

// Digest shortens a digest, sha256 and 64 digits, for people.
func Digest(digest string) string { return digest[:min(len(digest), len("sha256:")+12)] }

// Time prints a time to the minute, in UTC.
func Time(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// number is a cell that holds a number; a column of them is aligned to the right.
var number = regexp.MustCompile(`^[-+$]*[0-9][0-9.,]*( ?(%|s|KB|MB))?$`)

// markup escapes the characters that are markup in a line, or in the cell of a table.
var markup = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "&", "&amp;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "~", `\~`)

// Escape returns text as Markdown that shows it as it is, in one line. A name after an @ tells
// nobody that it was mentioned.
func Escape(text string) string {
	return mention.ReplaceAllString(markup.Replace(Line(text)), "$1@<!-- -->")
}

// mention matches where GitHub begins one.
var mention = regexp.MustCompile(`(^|[^0-9A-Za-z_])@`)

// Markdown prints rows below a header as a table in GitHub's Markdown. A column
// whose cells are all numbers, or empty, is aligned to the right.
// https://github.github.com/gfm/#tables-extension-
func Markdown(w io.Writer, header []string, rows [][]string) error {
	var b strings.Builder
	line := func(cells []string) {
		for _, cell := range cells {
			cell = Escape(cell) // a row is a line
			b.WriteString(strings.TrimRight("| "+cell, " ") + " ")
		}
		b.WriteString("|\n")
	}
	line(header)
	marks := make([]string, len(header))
	for n := range header {
		marks[n] = "---"
		if numbers(rows, n) {
			marks[n] = "---:"
		}
	}
	line(marks)
	for _, row := range rows {
		line(row)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("print the table: %w", err)
	}
	return nil
}

func numbers(rows [][]string, column int) bool {
	any := false
	for _, row := range rows {
		cell := strings.TrimSpace(row[column])
		if cell != "" && !number.MatchString(cell) {
			return false
		}
		any = any || cell != ""
	}
	return any
}
