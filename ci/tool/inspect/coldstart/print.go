package coldstart

import (
	"fmt"
	"io"
	"strings"

	"lambdas.internal/ci/tool/report"
)

// Print prints the report as tables for a terminal or, with markdown, for a page.
func (r *Report) Print(w io.Writer, markdown bool) error {
	table := report.Table
	header := func(words ...string) []string { return strings.Split(strings.ToUpper(strings.Join(words, "|")), "|") }
	if markdown {
		table, header = report.Markdown, func(words ...string) []string { return words }
	}
	head := []string{"Image", "Binary MB", "First /next ms", "MB", "Blocks", "First answer ms", "MB", "Blocks", "Answer"}
	if r.Since != "" {
		head = append(head, "New blocks", "New of the image")
	}
	rows := [][]string{r.row(r.Hello)}
	for _, i := range r.Images {
		rows = append(rows, r.row(i))
	}
	if err := table(w, header(head...), rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	head = []string{"Image", "Layer", "Blocks", "Read"}
	if r.Since != "" {
		head = append(head, "New")
	}
	rows = nil
	for _, i := range r.Images {
		for _, l := range i.Layers {
			row := []string{i.Image, string(l.Kind), fmt.Sprint(l.Blocks), fmt.Sprint(l.Read)}
			if r.Since != "" {
				row = append(row, count(l.New))
			}
			rows = append(rows, row)
		}
	}
	if err := table(w, header(head...), rows); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, note := range r.notes() {
		if markdown {
			note = "- " + note
		}
		if _, err := fmt.Fprintln(w, note); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) row(i Image) []string {
	answer, memory := "yes", report.MB(i.Answer.MemoryBytes)
	if i.Failed != "" {
		answer = i.Failed
	}
	if i.Answer.ToolsBytes > 0 {
		memory += " + " + report.MB(i.Answer.ToolsBytes)
	}
	row := []string{i.Image, report.MB(i.BinaryBytes),
		ms(i.Init.Ms), report.MB(i.Init.MemoryBytes), fmt.Sprint(i.Init.Blocks),
		ms(i.Answer.Ms), memory, fmt.Sprint(i.Answer.Blocks), answer}
	if r.Since != "" {
		row = append(row, count(i.Answer.NewBlocks), count(i.NewBlocks))
	}
	return row
}

func (r *Report) notes() []string {
	notes := []string{
		fmt.Sprintf("%s of each image, in turn, with none of its files in memory; medians", report.Count(r.Starts, "start")),
		"a block is 512 KiB of a file, as Lambda loads images; read are those that a process used, without what this machine's kernel read ahead",
		"hello is the least that a function in Go can be; a second number of MB is that of the largest process that the function started",
		report.Count(r.SharedBlocks, "block") + " are in more than one image",
	}
	if r.Since != "" {
		notes = append(notes, "new blocks are in no image of "+r.Since+": those read until the first answer, and all of the image")
	}
	for _, m := range r.Missing {
		notes = append(notes, "missing: "+m)
	}
	return notes
}

func ms(n float64) string { return fmt.Sprintf("%.1f", n) }

func count(n *int) string {
	if n == nil {
		return "unknown"
	}
	return fmt.Sprint(*n)
}
