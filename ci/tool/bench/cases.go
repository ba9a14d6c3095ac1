//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"lambdas.internal/ci/tool/registry/localregistry"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// The names of the subjects.
const (
	nameGo       = "go build"
	nameGoOne    = "go build, edited one"
	nameTool     = "tool"
	nameToolKept = "tool, layers kept"
	nameKo       = "ko"
	nameDagger   = "Dagger"
	nameSecond   = "Dagger, second" // another version beside it
	nameBuildKit = "BuildKit"
	// A call of Dagger that builds nothing.
	nameIdleDagger = nameDagger + itsVersion
	itsVersion     = ", its version"
)

// The names of the cases.
const (
	caseSame   = "nothing changed"
	caseEdit   = "one function edited"
	caseShared = "shared package edited"
	caseCold   = "cold"
)

func caseSameOf(n int) string { return report.Count(n, "function") + ", nothing changed" }
func caseEditOf(n int) string { return report.Count(n, "function") + ", one edited" }

// The packages that the edits change.
const (
	editedFunction = catalog.Dir + "/thumbnail-lambda"
	editedPackage  = "shared/lambdaboot"
)

// sizes are the numbers of generated functions. With the smallest and the largest one,
// the case with an edit is measured too.
var sizes = []int{5, 25, 100}

// options say what is measured, and how often.
type options struct {
	root              string // of the repository
	tool, ko          string // programs
	downloads         string // folder for downloads, kept between runs
	repeat            int
	repeatCold        int
	repeatScale       int
	progress          func(string)
	engines           []Subject
	emptyEngines      bool // for the cold case
	onlySaves         bool
	registry, baseRef string
	goCache           string // a filled Go build cache, to start with
}

// subjects returns the subjects of every case.
func (o options) subjects() []Subject {
	return []Subject{
		bareGo{name: nameGo},
		o.toolWith(nameTool, downloads),
		ko{binary: o.ko, registry: o.registry, base: o.baseRef},
	}
}

func (o options) toolWith(name string, parts []string) tool {
	return tool{name: name, binary: o.tool, seed: o.downloads, parts: parts}
}

// run measures all cases in scratch, an empty folder. With an error it also returns the
// results until then.
func (o options) run(ctx context.Context, scratch string) ([]Result, error) {
	w, err := copyWorkspace(o.root, filepath.Join(scratch, "workspace"))
	if err != nil {
		return nil, err
	}
	o.progress("download what the images need besides the functions")
	if err := o.toolWith(nameTool, nil).fillSeed(ctx, w, scratch); err != nil {
		return nil, err
	}
	o.progress("compile once, so that the warm cases start with a filled Go build cache")
	seed := filepath.Join(scratch, "seed")
	if err := (bareGo{name: nameGo}).Build(ctx, w, seed); err != nil {
		return nil, err
	}
	o.goCache = goCacheIn(seed)
	server, err := localregistry.Start(filepath.Join(scratch, "registry"), 0)
	if err != nil {
		return nil, err
	}
	defer server.Close() //nolint:errcheck // its data is deleted anyway
	o.registry = server.Host
	if o.baseRef, err = pushBase(server.Host, filepath.Join(scratch, "base")); err != nil {
		return nil, err
	}

	if o.onlySaves {
		return o.saves(ctx, scratch)
	}
	results, err := o.five(ctx, w, scratch)
	if err != nil {
		return results, err
	}
	if o.repeat > 0 {
		starts, err := o.coldStarts(ctx, scratch)
		if err != nil {
			return results, err
		}
		results = append(results, starts)
		answers, err := o.saves(ctx, scratch)
		results = append(results, answers...)
		if err != nil {
			return results, err
		}
	}
	if o.repeatScale == 0 {
		return results, nil
	}
	for _, n := range sizes {
		more, err := o.scale(ctx, n, filepath.Join(scratch, fmt.Sprint(n)))
		results = append(results, more...)
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

// five measures the real functions.
func (o options) five(ctx context.Context, w *catalog.Catalog, scratch string) ([]Result, error) {
	function, err := newEdit(filepath.Join(w.Root, editedFunction), "main")
	if err != nil {
		return nil, err
	}
	shared, err := newEdit(filepath.Join(w.Root, editedPackage), "Start")
	if err != nil {
		return nil, err
	}
	all := slices.Concat(o.subjects(), o.engines)
	idle := slices.Concat(all, o.idle())
	one := slices.Concat(idle, []Subject{bareGo{name: nameGoOne, only: editedFunction}})
	cold := slices.Concat(o.subjects(), []Subject{o.toolWith(nameToolKept, layers)}, o.emptied())
	state := filepath.Join(scratch, "state")
	return o.measureAll(ctx,
		Case{Name: caseSame, Workspace: w, Subjects: idle, Repeat: o.repeat, State: state},
		Case{Name: caseEdit, Workspace: w, Subjects: one, Repeat: o.repeat, State: state, Edit: function},
		Case{Name: caseShared, Workspace: w, Subjects: all, Repeat: o.repeat, State: state, Edit: shared},
		Case{Name: caseCold, Workspace: w, Subjects: cold, Repeat: o.repeatCold, State: filepath.Join(scratch, "cold"), Cold: true})
}

// scale measures n generated functions in dir, which it deletes.
func (o options) scale(ctx context.Context, n int, dir string) ([]Result, error) {
	defer os.RemoveAll(dir)
	w, err := generateWorkspace(o.root, filepath.Join(dir, "workspace"), n)
	if err != nil {
		return nil, err
	}
	state := filepath.Join(dir, "state")
	subjects := slices.Concat(o.subjects(), o.scaled())
	cases := []Case{{Name: caseSameOf(n), Workspace: w, Subjects: subjects, Repeat: o.repeatScale, State: state}}
	if n == sizes[0] || n == sizes[len(sizes)-1] {
		e, err := newEdit(filepath.Join(w.Root, w.Functions[n/2].Folder), "handle")
		if err != nil {
			return nil, err
		}
		cases = append(cases, Case{Name: caseEditOf(n), Workspace: w, Subjects: subjects, Repeat: o.repeatScale, State: state, Edit: e})
	}
	return o.measureAll(ctx, cases...)
}

// measureAll measures the cases that are to be repeated at least once.
func (o options) measureAll(ctx context.Context, cases ...Case) ([]Result, error) {
	var results []Result
	for _, c := range cases {
		if c.Repeat == 0 {
			continue
		}
		c.GoCache = o.goCache
		times, err := measure(ctx, c, o.progress)
		if err != nil {
			return results, err
		}
		results = append(results, newResult(c.Name, times))
	}
	return results, nil
}
