//go:build unix

package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/report"
)

// Run is one run of the benchmark.
type Run struct {
	Machine Machine   `json:"machine"`
	Results []Result  `json:"results"`
	Sizes   []Size    `json:"sizes,omitempty"`
	Targets []Verdict `json:"targets"`
}

// notes explain the numbers.
var notes = []string{
	"Times are the median (lowest to highest) of the repetitions; ratios are the median of the ratios within each repetition. CPU is the median of the processor time of the subject's programs; it is more reliable than the time if the machine had other work.",
	"go build makes binaries and no images; it is the lower limit. ko makes only light images (without ffmpeg) and pushes them to a registry on this machine. The tool makes all images, the heavy ones with ffmpeg, and writes them to an OCI image layout.",
	"Cold starts with an empty Go build cache and only with downloads (Go modules; the ffmpeg from npm, which the tool must then compress into a layer). \"" + nameToolKept + "\" starts with the layers of ffmpeg and the base in its cache.",
	"Dagger is `dagger call build-all` on an engine, with the images of the flag --dagger or the lock file; \"" + nameIdleDagger + "\" is what any call of Dagger takes. BuildKit builds the Dockerfiles in ci/docker, all functions at once, into its own store. Both have their caches in a daemon, whose processor time is not counted; cold starts with empty caches, and downloads images and modules again.",
}

// readRun reads a run that [Run.write] wrote as JSON.
func readRun(name string) (Run, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return Run{}, fmt.Errorf("read the run: %w", err)
	}
	var r Run
	if err := json.Unmarshal(data, &r); err != nil {
		return Run{}, fmt.Errorf("read the run %s: %w", name, err)
	}
	return r, nil
}

// format says how a run is printed; the default is text.
type format struct{ json, markdown, svg bool }

// write writes the run in the format.
func (r Run) write(w io.Writer, as format) error {
	switch {
	case as.json:
		return report.JSON(w, r)
	case as.svg:
		return r.draw(w)
	case as.markdown:
		return r.print(w, report.Markdown)
	default:
		return r.print(w, report.Table)
	}
}

// print writes the run as tables, with the function table, and the notes.
func (r Run) print(w io.Writer, table func(w io.Writer, header []string, rows [][]string) error) error {
	fmt.Fprintf(w, "%s\n\n", r.Machine)
	if err := table(w, resultHeader(r.Results), resultRows(r.Results)); err != nil {
		return err
	}
	if len(r.Sizes) > 0 {
		fmt.Fprintln(w)
		header, rows := sizeTable(r.Sizes)
		if err := table(w, header, rows); err != nil {
			return err
		}
	}
	if len(r.Targets) > 0 {
		fmt.Fprintln(w)
		if err := table(w, []string{"TARGET", "MEASURED", "MET"}, targetRows(r.Targets)); err != nil {
			return err
		}
	}
	fmt.Fprintln(w)
	for _, n := range notes {
		fmt.Fprintf(w, "- %s\n", n)
	}
	return nil
}

// measured returns the references that were measured in any case.
func measured(results []Result) []string {
	return slices.DeleteFunc(slices.Clone(references), func(ref string) bool {
		return !slices.ContainsFunc(results, func(r Result) bool {
			_, ok := lookup(results, r.Case, ref)
			return ok
		})
	})
}

func resultHeader(results []Result) []string {
	header := []string{"CASE", "SUBJECT", "TIME", "LOWEST-HIGHEST", "CPU"}
	for _, ref := range measured(results) {
		header = append(header, "x "+strings.ToUpper(ref))
	}
	return header
}

func resultRows(results []Result) [][]string {
	var rows [][]string
	refs := measured(results)
	for _, r := range results {
		for i, row := range r.Rows {
			name := fmt.Sprintf("%s (%s)", r.Case, report.Count(len(row.Seconds), "time"))
			if i > 0 {
				name = ""
			}
			cells := []string{name, row.Subject, seconds(row.Took.Median) + " s",
				seconds(row.Took.Min) + "-" + seconds(row.Took.Max), seconds(row.Used.Median) + " s"}
			if row.Used.Median == 0 { // not measured
				cells[len(cells)-1] = ""
			}
			for _, ref := range refs {
				cell := ""
				if ratio, ok := row.Ratios[ref]; ok {
					cell = fmt.Sprintf("%.2f", ratio.Median)
				}
				cells = append(cells, cell)
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

func targetRows(verdicts []Verdict) [][]string {
	rows := make([][]string, len(verdicts))
	for i, v := range verdicts {
		met := "yes"
		if !v.Met {
			met = "NO"
		}
		measured := fmt.Sprintf("%.2fx", v.Measured)
		if v.Unit == "s" {
			measured = seconds(v.Measured) + " s"
		}
		rows[i] = []string{v.Target, measured, met}
	}
	return rows
}

// seconds prints a number of seconds with two or three significant digits.
func seconds(s float64) string {
	switch {
	case s < 0.1:
		return fmt.Sprintf("%.3f", s)
	case s < 10:
		return fmt.Sprintf("%.2f", s)
	}
	return fmt.Sprintf("%.1f", s)
}
