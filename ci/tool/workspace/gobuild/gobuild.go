// Package gobuild compiles the functions: one `go build` for all functions that
// changed, none if nothing changed. The binaries depend on the sources and the pinned
// toolchain only, not on the machine, the folder or the commit.
package gobuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Binary is a compiled function.
type Binary struct {
	Path   string // of the file
	Digest string // SHA-256 of its content, in hex
	Size   int64
	Key    string // content key: equal keys mean equal binaries; empty if it is unknown
	Reused bool   // it was not compiled again
}

// CompileError is a function that does not compile.
type CompileError struct {
	Function catalog.Function
	Output   string // the compiler's lines
}

func (e *CompileError) Error() string {
	return fmt.Sprintf("compile %s (%s):\n%s", e.Function.Image, e.Function.Folder, e.Output)
}

// Result is the outcome for one function.
type Result struct {
	Binary Binary
	Err    error // a *CompileError, or why it could not be compiled
}

// Compile compiles the functions for the platform into dir, and reuses what it finds
// there from earlier calls. The results are in the order of functions; a function that
// fails does not stop the others. The error is one that concerns all functions.
func Compile(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform, dir string) ([]Result, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	results := make([]Result, len(functions))
	for _, of := range groups(c, functions, platform) {
		b := build{c: c, platform: platform, in: of.in, dir: dir}
		if err := os.MkdirAll(filepath.Dir(output(dir, of.functions[0])), 0o755); err != nil {
			return nil, fmt.Errorf("compile: %w", err)
		}
		made, err := b.run(ctx, of.functions)
		if err != nil {
			return nil, fmt.Errorf("compile: %w", err)
		}
		for n, at := range of.at {
			results[at] = made[n]
		}
	}
	return results, nil
}

// build is one call of [Compile], for functions that are built in the same way.
type build struct {
	c        *catalog.Catalog
	platform v1.Platform
	in       command
	dir      string
}

func (b *build) run(ctx context.Context, functions []catalog.Function) ([]Result, error) {
	start := time.Now()
	m, err := readModules(b.c, b.in)
	if err != nil {
		return nil, err
	}
	r := newReader(os.DirFS("/"))
	notes := b.notes(functions)
	current, err := b.current(notes, m, r)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(functions))
	var stale []catalog.Function
	var at []int
	for i, f := range functions {
		if n := notes[i]; n.Digest != "" && n.Fingerprint == current[i] {
			results[i].Binary = n.binary(output(b.dir, f))
		} else {
			stale, at = append(stale, f), append(at, i)
		}
	}
	if len(stale) == 0 {
		return results, nil
	}
	if err := b.in.readUser(ctx); err != nil {
		return nil, err
	}
	// What was saved a moment ago would be compiled twice.
	if now := time.Now(); r.newest.After(start.Add(-settled)) && !r.newest.After(now) {
		time.Sleep(r.newest.Add(settled).Sub(now))
		start, r = time.Now(), newReader(os.DirFS("/"))
		if m, err = readModules(b.c, b.in); err != nil {
			return nil, err
		}
	}
	made, err := b.compile(ctx, stale, m, r, start)
	for n, r := range made {
		results[at[n]] = r
	}
	return results, err
}

// current returns the fingerprints of what the notes name, as it is now.
func (b *build) current(notes []note, m modules, r *reader) ([]string, error) {
	shared, err := common(r, m, b.in)
	if err != nil {
		return nil, err
	}
	prints := make([]string, len(notes))
	for i, n := range notes {
		if n.Digest != "" {
			if prints[i], err = r.fingerprint(n.Inputs, shared); err != nil {
				return nil, err
			}
		}
	}
	return prints, nil
}

// settled is how long before go reads them the sources must have been written, so that
// what is read afterwards is what go read. File systems keep times of 10 ms or less.
const settled = 20 * time.Millisecond

// patience is how often go runs while the sources are being written.
const patience = 10

// few is up to how many functions are compiled while go lists what they are made from. It
// costs processor time if nothing that they are made from has changed.
const few = 8

// compile compiles functions whose binaries may be out of date. The modules, and what the
// reader has, were read after start. If something was written since then, it starts again.
func (b *build) compile(ctx context.Context, functions []catalog.Function, m modules, read *reader, start time.Time) ([]Result, error) {
	before := b.notes(functions)
	for range patience {
		r := newReader(os.DirFS("/"))
		results, err := b.attempt(ctx, functions, m, read, r)
		// A time in the future is from another clock, and says nothing.
		if err != nil || r.newest.Before(start.Add(-settled)) || r.newest.After(time.Now()) {
			for i := range results {
				made := &results[i].Binary
				made.Reused = made.Key == before[i].Key && made.Digest == before[i].Digest
			}
			return results, err
		}
		time.Sleep(settled)
		start, read = time.Now(), newReader(os.DirFS("/"))
		if m, err = readModules(b.c, b.in); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("the sources change all the time; wait until what writes them has ended, then run the same command again")
}

// notes returns the notes of the functions' binaries; a missing one is empty.
func (b *build) notes(functions []catalog.Function) []note {
	all := make([]note, len(functions))
	for i, f := range functions {
		all[i], _ = readNote(output(b.dir, f))
	}
	return all
}

// attempt lists what the functions are made from, compiles those that differ from their
// notes, and reads with r what they were made from. What read has was read before.
func (b *build) attempt(ctx context.Context, functions []catalog.Function, m modules, read, r *reader) ([]Result, error) {
	before := b.notes(functions)
	built := len(functions) <= few && !slices.ContainsFunc(before, func(n note) bool { return n.Digest == "" })
	var packages []Package
	var errs []error
	var err error
	ok := false
	if built {
		packages, errs, ok, err = b.narrowly(ctx, functions, m, read, r)
	}
	if err == nil && !ok {
		packages, errs, err = b.ask(ctx, b.in, functions, m, built)
	}
	if err != nil {
		return nil, err
	}
	from, err := describe(b.c, b.in, m, packages, functions, r)
	if err != nil {
		return nil, err
	}
	if !built {
		if errs, err = b.rest(ctx, functions, before, from); err != nil {
			return nil, err
		}
		// What is read from here on is what is there after go build.
		fresh := newReader(os.DirFS("/"))
		if _, err := from.read(fresh, b.in); err != nil {
			return nil, err
		}
		r.newest = fresh.newest
	}
	return b.results(functions, from, errs, r)
}

// ask lists what the functions are made from. If they are to be built, it compiles them at
// the same time, and returns the error of each.
func (b *build) ask(ctx context.Context, in command, functions []catalog.Function, m modules, built bool) (packages []Package, errs []error, err error) {
	errs = make([]error, len(functions))
	err = pinned(in, func() error {
		g, ctx := errgroup.WithContext(ctx)
		g.Go(func() error { return checkFiles(in.root, m) })
		g.Go(func() (err error) {
			packages, err = list(ctx, in, functions)
			return err
		})
		if built {
			g.Go(func() (err error) {
				errs, err = compile(ctx, in, b.dir, functions)
				return err
			})
		}
		return g.Wait()
	})
	return packages, errs, err
}

// narrowly lists and builds with the modules that make a difference. It is not ok if it leaves out
// none, or if it fails: then only the whole workspace tells. Since go does not read a
// module that is left out, r has what read found there.
func (b *build) narrowly(ctx context.Context, functions []catalog.Function, m modules, read, r *reader) (packages []Package, errs []error, ok bool, err error) {
	kept, left, err := m.narrow(b.c.Root, functions, read)
	if err != nil || len(left) == 0 {
		return nil, nil, false, err
	}
	in, remove, ok, err := b.in.within(kept.used)
	if err != nil || !ok {
		return nil, nil, false, err
	}
	defer remove()
	packages, errs, err = b.ask(ctx, in, functions, kept, true)
	if ctx.Err() != nil {
		return nil, nil, false, context.Cause(ctx)
	}
	wrong := func(p Package) bool { return p.Error != nil }
	if err != nil || slices.ContainsFunc(packages, wrong) || touches(packages, left) {
		return nil, nil, false, nil
	}
	return packages, errs, true, r.keep(read, b.c.Root, left)
}

// rest compiles the functions that differ from their notes.
func (b *build) rest(ctx context.Context, functions []catalog.Function, before []note, from *Sources) ([]error, error) {
	errs := make([]error, len(functions))
	var stale []catalog.Function
	var at []int
	for i, f := range functions {
		if of := from.of[i]; !errors.As(of.err, new(catalog.Problem)) && (of.err != nil || before[i].Key != of.key) {
			stale, at = append(stale, f), append(at, i)
		}
	}
	if len(stale) == 0 {
		return errs, nil
	}
	err := pinned(b.in, func() error {
		made, err := compile(ctx, b.in, b.dir, stale)
		for n, err := range made {
			errs[at[n]] = err
		}
		return err
	})
	return errs, err
}

// results returns the binaries that are there now, and writes a note beside each.
func (b *build) results(functions []catalog.Function, from *Sources, errs []error, r *reader) ([]Result, error) {
	prints, err := from.read(r, b.in)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(functions))
	for i, f := range functions {
		of := from.of[i]
		switch {
		case errors.As(of.err, new(catalog.Problem)):
			results[i].Err = of.err
		case errs[i] != nil:
			results[i].Err = errors.Join(cgo(b.c.Root, of, b.platform, b.in.tags), errs[i])
		case of.err != nil:
			results[i].Err = of.err
		default:
			results[i].Binary, results[i].Err = record(output(b.dir, f), note{Key: of.key, Inputs: of.inputs, Fingerprint: prints[i]})
		}
	}
	return results, nil
}
