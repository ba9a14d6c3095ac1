package report

import (
	"fmt"
	"io"
	"regexp"
	"strings"
)

// number is a cell that holds a number; a column of them is aligned to the right.
var number = regexp.MustCompile(`^[-+$]*[0-9][0-9.,]*( ?(%|s|KB|MB))?$`)

// markup escapes the characters that are markup in the cell of a table.
var markup = strings.NewReplacer(`\`, `\\`, "|", `\|`, "<", "&lt;", "&", "&amp;", "*", `\*`, "_", `\_`, "`", "\\`", "[", `\[`, "~", `\~`)

// Markdown prints rows below a header as a table in GitHub's Markdown. A column
// whose cells are all numbers, or empty, is aligned to the right.
// https://github.github.com/gfm/#tables-extension-
func Markdown(w io.Writer, header []string, rows [][]string) error {
	var b strings.Builder
	line := func(cells []string) {
		for _, cell := range cells {
			cell = markup.Replace(strings.Join(strings.Fields(cell), " ")) // a row is a line
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
