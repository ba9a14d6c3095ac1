package vulncheck

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/report"
)

// Table prints the functions to redeploy and why, then the vulnerabilities that no
// function reaches.
func (r *Report) Table(w io.Writer) error {
	var reached [][]string
	modules, reused := 0, 0
	for _, f := range r.Functions {
		modules += f.Modules
		if f.Reused {
			reused++
		}
		for _, v := range f.Findings {
			if v.Redeploys() {
				reached = append(reached, []string{f.Image, vulnerability(v), v.Module, v.Found, orNone(v.Fixed), how(v)})
			}
		}
	}
	if len(reached) > 0 {
		if err := report.Table(w, []string{"REDEPLOY", "VULNERABILITY", "MODULE", "FOUND", "FIXED IN", "HOW IT IS REACHED"}, reached); err != nil {
			return err
		}
		for _, fix := range r.Fixes() {
			fmt.Fprintln(w, "fix:", fix)
		}
		fmt.Fprintln(w)
	}
	if rows := notReached(r); len(rows) > 0 {
		if err := report.Table(w, []string{"NOT REACHED", "MODULE", "FOUND", "FIXED IN", "IMPORTED BY", "REQUIRED BY"}, rows); err != nil {
			return err
		}
		fmt.Fprintln(w)
	}
	if err := r.published(w); err != nil {
		return err
	}
	for _, line := range slices.Concat(r.FFmpeg.lines(), r.Base.lines()) {
		fmt.Fprintln(w, line)
	}
	verdict := "no function needs a new deployment"
	if r.FFmpeg.undecided() {
		verdict += ", as far as is known"
	}
	if len(r.Redeploy) > 0 {
		verdict = "redeploy " + strings.Join(r.Redeploy, ", ")
	}
	of := ""
	if !r.Modified.IsZero() {
		of = " of " + r.Modified.UTC().Format(time.DateOnly)
	}
	kept := ""
	if reused > 0 {
		kept = fmt.Sprintf(", %d unchanged since the last check", reused)
	}
	_, err := fmt.Fprintf(w, "%s: %s%s, %s, by %s%s, %s\n",
		verdict, report.Count(len(r.Functions), "function"), kept, report.Count(modules, "module"), r.Database, of, report.Seconds(r.Seconds))
	return err
}

// vulnerability names it, with the first name that others have for it.
func vulnerability(v Finding) string {
	if len(v.Aliases) > 0 {
		return v.ID + " (" + v.Aliases[0] + ")"
	}
	return v.ID
}

func how(v Finding) string {
	switch v.Reach {
	case InImage:
		return "ffmpeg is in the image"
	case Linked:
		return "linked into the binary; no call path was found to " + strings.Join(v.Symbols[:min(len(v.Symbols), shownSymbols)], ", ")
	}
	return v.Way()
}

// shownSymbols bounds how many functions a row names.
const shownSymbols = 3

func orNone(version string) string {
	if version == "" {
		return "none yet"
	}
	return version
}

// notReached tells of each vulnerability that some function has and does not reach.
func notReached(r *Report) [][]string {
	type key struct{ id, module, found, fixed string }
	var order []key
	imported, required := map[key][]string{}, map[key][]string{}
	for _, f := range r.Functions {
		for _, v := range f.Findings {
			k := key{vulnerability(v), v.Module, v.Found, orNone(v.Fixed)}
			by := imported
			switch v.Reach {
			case Imported:
			case Required:
				by = required
			default:
				continue
			}
			if !slices.Contains(order, k) {
				order = append(order, k)
			}
			by[k] = append(by[k], f.Image)
		}
	}
	slices.SortFunc(order, func(a, b key) int { return strings.Compare(a.id+a.module, b.id+b.module) })
	var rows [][]string
	for _, k := range order {
		rows = append(rows, []string{k.id, k.module, k.found, k.fixed, strings.Join(imported[k], ", "), strings.Join(required[k], ", ")})
	}
	return rows
}
