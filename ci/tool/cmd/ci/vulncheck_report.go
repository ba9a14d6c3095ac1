//go:build !steps

package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"lambdas.internal/ci/tool/inspect/vulncheck"
	"lambdas.internal/ci/tool/report"
)

// printVulncheck prints what has to be redeployed and why, then what is not reached.
func printVulncheck(w io.Writer, r *vulncheck.Report) error {
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
	verdict := "no function has to be redeployed"
	if len(r.Redeploy) > 0 {
		verdict = "redeploy " + strings.Join(r.Redeploy, ", ")
	}
	of := ""
	if !r.Modified.IsZero() {
		of = " of " + r.Modified.UTC().Format(time.DateOnly)
	}
	kept := ""
	if reused > 0 {
		kept = fmt.Sprintf(", %d as before", reused)
	}
	functions := fmt.Sprintf("%d functions", len(r.Functions))
	if len(r.Functions) == 1 {
		functions = "1 function"
	}
	_, err := fmt.Fprintf(w, "%s: %s%s, %d modules, by %s%s, %s\n",
		verdict, functions, kept, modules, r.Database, of, report.Duration(seconds(r.Seconds)))
	return err
}

// vulnerability names it, with the first name that others have for it.
func vulnerability(v vulncheck.Finding) string {
	if len(v.Aliases) > 0 {
		return v.ID + " (" + v.Aliases[0] + ")"
	}
	return v.ID
}

func how(v vulncheck.Finding) string {
	if v.Reach == vulncheck.Linked {
		return "in the binary; no way of calls was found to " + strings.Join(v.Symbols[:min(len(v.Symbols), shownSymbols)], ", ")
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
func notReached(r *vulncheck.Report) [][]string {
	type key struct{ id, module, found, fixed string }
	var order []key
	imported, required := map[key][]string{}, map[key][]string{}
	for _, f := range r.Functions {
		for _, v := range f.Findings {
			k := key{vulnerability(v), v.Module, v.Found, orNone(v.Fixed)}
			by := imported
			switch v.Reach {
			case vulncheck.Imported:
			case vulncheck.Required:
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
