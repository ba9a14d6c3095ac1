package vulncheck

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Reach says how far a vulnerability comes into a function.
type Reach string

// The reaches, the worst first.
const (
	Called   Reach = "called"   // there is a way of calls to what is vulnerable
	Linked   Reach = "linked"   // no way was found, but the linker found one: it is in the binary
	Imported Reach = "imported" // its package is part of the program, but it is not called
	Required Reach = "required" // its module is, but not its package
)

var worst = []Reach{Called, Linked, Imported, Required}

// Finding is a vulnerability in a module that a function is made from.
type Finding struct {
	ID      string   `json:"id"`
	Aliases []string `json:"aliases,omitempty"` // such as the CVE
	Summary string   `json:"summary,omitempty"`
	// Module is "stdlib" for Go's own library, whose version is Go's.
	Module string `json:"module"`
	Found  string `json:"found"`
	// Fixed is empty as long as there is no version without the vulnerability.
	Fixed string `json:"fixed,omitempty"`
	Reach Reach  `json:"reach"`
	// Symbols are the vulnerable functions that are called, or linked, and Chain a
	// shortest way to one of them.
	Symbols []string `json:"symbols,omitempty"`
	Chain   []Call   `json:"chain,omitempty"`
}

// Redeploys tells whether the function has to be built anew with a fixed version.
func (f Finding) Redeploys() bool { return f.Reach == Called || f.Reach == Linked }

// Call is one step on the way.
type Call struct {
	// Package is the import path, and Function named Function or Type.Method.
	Package  string `json:"package"`
	Function string `json:"function"`
	// Position is the file and line of the call, relative to the module.
	Position string `json:"position,omitempty"`
}

// result returns the findings of a run, the worst first. A symbol of a run that
// saw the binary alone is linked, and not called.
func (s *stream) result(binary bool) []Finding {
	type key struct{ id, module string }
	found := map[key]*Finding{}
	for _, raw := range s.findings {
		at := raw.Trace[0]
		k := key{raw.OSV, at.Module}
		f, ok := found[k]
		if !ok {
			e := s.entries[raw.OSV]
			f = &Finding{ID: raw.OSV, Aliases: e.Aliases, Summary: e.Summary, Module: at.Module, Found: at.Version, Reach: Required}
			found[k] = f
		}
		f.Fixed = cmp.Or(f.Fixed, raw.FixedVersion)
		reach := at.reach(binary)
		f.Reach = worst[min(slices.Index(worst, f.Reach), slices.Index(worst, reach))]
		if at.Function == "" {
			continue
		}
		if name := at.call().String(); !slices.Contains(f.Symbols, name) {
			f.Symbols = append(f.Symbols, name)
		}
		if chain := raw.chain(); !binary && (f.Chain == nil || shorter(chain, f.Chain)) {
			f.Chain = chain
		}
	}
	var all []Finding
	for _, f := range found {
		slices.Sort(f.Symbols)
		all = append(all, *f)
	}
	slices.SortFunc(all, byReach)
	return all
}

// shorter orders ways by length, and those as long as each other by their names, so
// that the same one is always chosen.
func shorter(a, b []Call) bool {
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return slices.CompareFunc(a, b, func(x, y Call) int {
		return cmp.Or(cmp.Compare(x.Package, y.Package), cmp.Compare(x.Function, y.Function))
	}) < 0
}

func (f rawFrame) reach(binary bool) Reach {
	switch {
	case f.Function != "" && binary:
		return Linked
	case f.Function != "":
		return Called
	case f.Package != "":
		return Imported
	default:
		return Required
	}
}

// call is the frame as a step of a way.
func (f rawFrame) call() Call {
	c := Call{Package: f.Package, Function: f.Function}
	if receiver := strings.TrimPrefix(f.Receiver, "*"); receiver != "" {
		c.Function = receiver + "." + f.Function
	}
	if p := f.Position; p != nil && p.Line > 0 {
		c.Position = fmt.Sprintf("%s:%d", p.Filename, p.Line)
	}
	return c
}

// majorVersion is the last element of the path of a package of a later major version.
var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// String is how people call the function: with the last element of the package's path.
func (c Call) String() string {
	last := path.Base(c.Package)
	if majorVersion.MatchString(last) && path.Dir(c.Package) != "." {
		last = path.Base(path.Dir(c.Package))
	}
	function, _, _ := strings.Cut(c.Function, "[") // what a generic one is made for
	return last + "." + function
}

// chain is the trace from its other end on.
func (f rawFinding) chain() []Call {
	var calls []Call
	for _, frame := range slices.Backward(f.Trace) {
		calls = append(calls, frame.call())
	}
	return calls
}

// withBinary adds what the function's binary tells: what is vulnerable and was linked
// counts as reached, also if no way of calls was found. Ways through reflection are
// not, and the Lambda library calls handlers by reflection.
func withBinary(found, binary []Finding) []Finding {
	all := slices.Clone(found)
	for _, l := range binary {
		if l.Reach != Linked {
			continue
		}
		n := slices.IndexFunc(all, func(f Finding) bool { return f.ID == l.ID && f.Module == l.Module })
		switch {
		case n < 0:
			all = append(all, l)
		case all[n].Reach != Called:
			all[n].Reach, all[n].Symbols = Linked, l.Symbols
		}
	}
	slices.SortFunc(all, byReach)
	return all
}

// byReach orders findings, the worst first.
func byReach(a, b Finding) int {
	return cmp.Or(cmp.Compare(slices.Index(worst, a.Reach), slices.Index(worst, b.Reach)), cmp.Compare(a.ID, b.ID), cmp.Compare(a.Module, b.Module))
}

// maxCalls is how many calls a way shows; those in the middle are left out first.
const maxCalls = 6

// Way shows the chain in one line.
func (f Finding) Way() string {
	var names []string
	for _, c := range f.Chain {
		names = append(names, c.String())
	}
	if left := len(names) - maxCalls; left > 1 {
		names = slices.Concat(names[:maxCalls/2], []string{fmt.Sprintf("(%d more)", left)}, names[len(names)-maxCalls/2:])
	}
	return strings.Join(names, " -> ")
}
