package vulncheck

import (
	"cmp"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// Reach says how close a function comes to the vulnerable code.
type Reach string

// The reaches, the worst first.
const (
	Called   Reach = "called"   // the function calls the vulnerable code, directly or indirectly
	Linked   Reach = "linked"   // no calls were found, but the linker put the vulnerable code into the binary
	InImage  Reach = "image"    // the image has the program, beside the function
	Imported Reach = "imported" // the program has the package, but does not call the vulnerable code
	Required Reach = "required" // the program has the module, but not the package
)

var worst = []Reach{Called, Linked, InImage, Imported, Required}

// Finding is a vulnerability in a module of a function, or in the ffmpeg of its image.
type Finding struct {
	ID      string   `json:"id"`
	Aliases []string `json:"aliases,omitempty"` // for example the CVE
	Summary string   `json:"summary,omitempty"`
	// Module is "stdlib" for the standard library, whose version is that of Go, and
	// "ffmpeg" for ffmpeg.
	Module string `json:"module"`
	Found  string `json:"found"`
	// Fixed is the version without the vulnerability; empty if there is none yet.
	Fixed string `json:"fixed,omitempty"`
	Reach Reach  `json:"reach"`
	// Symbols are the vulnerable functions that are called or linked, and Chain is a
	// shortest chain of calls to one of them.
	Symbols []string `json:"symbols,omitempty"`
	Chain   []Call   `json:"chain,omitempty"`
}

// Redeploys tells whether the function has to be built again with a fixed version.
func (f Finding) Redeploys() bool {
	return f.Reach == Called || f.Reach == Linked || f.Reach == InImage
}

// Call is one step of a chain of calls.
type Call struct {
	// Package is the import path, and Function is Function or Type.Method.
	Package  string `json:"package"`
	Function string `json:"function"`
	// Position is the file and line of the call, relative to the module.
	Position string `json:"position,omitempty"`
}

// result returns the findings of a run, the worst first. If the run examined only the
// binary, its symbols are linked, not called.
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

// shorter orders chains by length, and chains of the same length by their names, so that
// the choice is always the same.
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

// call returns the frame as a step of a chain.
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

// majorVersion matches the last path element of a later major version, such as v2.
var majorVersion = regexp.MustCompile(`^v[0-9]+$`)

// String returns the short name of the function, with the last element of the package path.
func (c Call) String() string {
	last := path.Base(c.Package)
	if majorVersion.MatchString(last) && path.Dir(c.Package) != "." {
		last = path.Base(path.Dir(c.Package))
	}
	function, _, _ := strings.Cut(c.Function, "[") // without type arguments
	return last + "." + function
}

// chain returns the trace in the order of the calls.
func (f rawFinding) chain() []Call {
	var calls []Call
	for _, frame := range slices.Backward(f.Trace) {
		calls = append(calls, frame.call())
	}
	return calls
}

// withBinary adds the findings in the binary. A vulnerable symbol in the binary counts as
// reached, even if no chain of calls to it was found: calls by reflection are not found,
// and the Lambda library calls handlers by reflection.
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

// maxCalls is how many calls of a chain are shown. Calls in the middle are left out.
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
