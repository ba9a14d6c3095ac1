package status

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/deploy/history"
)

// Regional is the status of one region.
type Regional struct {
	Region string `json:"region"`
	*Report
	// Error says why the region could not be read.
	Error string `json:"error,omitempty"`
}

// Regions is what every function runs in each of several regions.
type Regions struct {
	Regions []Regional `json:"regions"`
	// Differences name the functions that run different images, and Lacking the images of releases
	// that a region does not have, so that a rollback to them fails there.
	Differences []string `json:"differences,omitempty"`
	Lacking     []string `json:"lacking,omitempty"`
	// Drifts counts the problems of all functions in all regions that could be read.
	Drifts int `json:"drifts"`
}

// Join puts the regions side by side. Those with an error could not be read.
func Join(regions []Regional, lacking []string) *Regions {
	all := &Regions{Regions: regions, Lacking: lacking, Differences: differences(regions)}
	for _, r := range regions {
		if r.Report != nil {
			all.Drifts += r.Drifts
		}
	}
	all.Drifts += len(all.Differences) + len(lacking)
	return all
}

// differences names the functions that run different images in the regions that could be read.
func differences(regions []Regional) (lines []string) {
	type ran struct{ digest, text string }
	var order []string
	where := map[string]map[ran][]string{}
	for _, r := range regions {
		if r.Report == nil {
			continue
		}
		for _, row := range r.Functions {
			if row.State == "" && row.Runs == "" {
				continue // it does not exist there, which is a problem of its own
			}
			name := fmt.Sprintf("%s (%s)", row.Lambda, row.Image)
			if where[name] == nil {
				order, where[name] = append(order, name), map[ran][]string{}
			}
			of := ran{row.Runs, row.runs()}
			for other := range where[name] { // the same image may be of different commits
				if other.digest == row.Runs {
					of = other
				}
			}
			where[name][of] = append(where[name][of], r.Region)
		}
	}
	for _, name := range order {
		if len(where[name]) < 2 {
			continue
		}
		var texts []string
		for _, r := range regions {
			for of, in := range where[name] {
				if in[0] == r.Region {
					texts = append(texts, of.text+" in "+strings.Join(in, ", "))
				}
			}
		}
		lines = append(lines, name+" runs "+strings.Join(texts, ", and "))
	}
	return lines
}

// Held tells of the images of releases whether the registry of a region has them, by their digest.
// What could not be found out is not in it.
type Held struct {
	Region string
	Has    map[string]bool
}

// Earlier returns the images of the last releases of all regions but those that run, newest first:
// those that a rollback may need. keep is how many commits a rollback can go back.
func Earlier(releases []history.Releases, keep int) []history.Function {
	var all []history.Function
	var joined history.Releases
	running := map[string]bool{}
	for _, h := range releases {
		joined = append(joined, h...)
		if n := len(h); n > 0 {
			for _, f := range h[n-1].Functions {
				running[f.After] = true
			}
		}
	}
	slices.SortStableFunc(joined, func(a, b history.Release) int { return b.Time.Compare(a.Time) })
	var commits []string
	for _, r := range joined {
		if !slices.Contains(commits, r.Commit) {
			commits = append(commits, r.Commit)
		}
		if len(commits) > keep {
			break
		}
		for _, f := range r.Functions {
			if !running[f.After] && !slices.ContainsFunc(all, func(o history.Function) bool { return o.Image == f.Image && o.After == f.After }) {
				all = append(all, f)
			}
		}
	}
	return all
}

// Lacking names, in a line for each region, the images that it does not have and another region
// has. flags name all regions in a command to type.
func Lacking(regions []Held, images []history.Function, flags string) (lines []string) {
	for _, r := range regions {
		var commits []string
		names := map[string][]string{}
		for _, f := range images {
			has, known := r.Has[f.After]
			if has || !known || !slices.ContainsFunc(regions, func(o Held) bool { return o.Has[f.After] }) {
				continue
			}
			if names[f.Commit] == nil {
				commits = append(commits, f.Commit)
			}
			names[f.Commit] = append(names[f.Commit], f.Image)
		}
		if len(commits) == 0 {
			continue
		}
		var texts []string
		for _, c := range commits {
			texts = append(texts, fmt.Sprintf("commit %s (%s)", c, strings.Join(names[c], ", ")))
		}
		lines = append(lines, fmt.Sprintf("%s does not have images of earlier releases: %s; a rollback to them would stop; to put them there, check out such a commit and type bin/ci publish --no-latest%s",
			r.Region, strings.Join(texts, ", "), flags))
	}
	return lines
}

// Table prints the functions of all regions, the last releases, and every problem.
func (r *Regions) Table(w io.Writer) error {
	var rows [][]string
	var platforms []string
	for _, one := range r.Regions {
		if one.Report == nil {
			continue
		}
		for _, row := range one.Functions {
			rows, platforms = append(rows, append([]string{one.Region}, row.cells()...)), append(platforms, row.Platform)
		}
	}
	if err := table(w, append([]string{"REGION"}, header...), rows, platforms); err != nil {
		return err
	}
	for _, one := range r.Regions {
		if one.Report == nil {
			fmt.Fprintf(w, "! %s: could not be read, so it is unknown what its functions run: %s\n", one.Region, one.Error)
			continue
		}
		one.lines(w, one.Region+": ")
	}
	for _, line := range slices.Concat(r.Differences, r.Lacking) {
		fmt.Fprintln(w, "!", line)
	}
	if r.Drifts == 0 && !slices.ContainsFunc(r.Regions, func(one Regional) bool { return one.Report == nil }) {
		fmt.Fprintln(w, "no problems")
	}
	return nil
}
