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
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

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
	b := build{c: c, in: command{root: c.Root, fixed: environment(c, platform)}, dir: dir}
	results, err := b.run(ctx, functions)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	return results, nil
}

// build is one call of [Compile].
type build struct {
	c   *catalog.Catalog
	in  command
	dir string
}

func (b *build) run(ctx context.Context, functions []catalog.Function) ([]Result, error) {
	current, err := b.current(functions)
	if err != nil {
		return nil, err
	}
	results := make([]Result, len(functions))
	var stale []catalog.Function
	var at []int
	for i, f := range functions {
		file := output(b.dir, f)
		if n, ok := readNote(file); ok && n.Fingerprint == current[i] {
			results[i].Binary = n.binary(file)
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
	made, err := b.compile(ctx, stale)
	for n, r := range made {
		results[at[n]] = r
	}
	return results, err
}

// current returns the fingerprints of what the notes of the functions name, as it is now.
func (b *build) current(functions []catalog.Function) ([]string, error) {
	m, err := readModules(b.c)
	if err != nil {
		return nil, err
	}
	r := newReader(os.DirFS("/"))
	shared, err := common(r, m, b.c.Root, b.in.fixed)
	if err != nil {
		return nil, err
	}
	prints := make([]string, len(functions))
	for i, f := range functions {
		if n, ok := readNote(output(b.dir, f)); ok {
			if prints[i], err = r.fingerprint(n.Inputs, shared); err != nil {
				return nil, err
			}
		}
	}
	return prints, nil
}

// settled is how long before they are listed the sources must have been written, so that
// what is read later is what was listed. File systems keep times of 10 ms or less.
const settled = 20 * time.Millisecond

// patience is how often the sources are listed while they are being written.
const patience = 10

// discover lists the sources, again if they were being written.
func (b *build) discover(ctx context.Context, functions []catalog.Function) (*Sources, *reader, error) {
	for range patience {
		start, r := time.Now(), newReader(os.DirFS("/"))
		from, err := discover(ctx, b.c, b.in, functions, r)
		if err != nil {
			return nil, nil, err
		}
		if from.prints, err = from.read(r, b.in.fixed); err != nil {
			return nil, nil, err
		}
		// A time in the future is from another clock, and says nothing.
		if r.newest.Before(start.Add(-settled)) || r.newest.After(time.Now()) {
			return from, r, nil
		}
		time.Sleep(settled)
	}
	return nil, nil, errors.New("the sources change all the time; wait until what writes them has ended, then run the same command again")
}

// compile compiles functions whose binaries may be out of date.
func (b *build) compile(ctx context.Context, functions []catalog.Function) ([]Result, error) {
	from, r, err := b.discover(ctx, functions)
	if err != nil {
		return nil, err
	}
	notes := make([]note, len(functions))
	results := make([]Result, len(functions))
	var stale []catalog.Function
	var at []int
	for i, f := range functions {
		of := from.of[i]
		notes[i] = note{Key: of.key, Inputs: of.inputs, Fingerprint: from.prints[i]}
		file := output(b.dir, f)
		n, ok := readNote(file)
		switch {
		case errors.As(of.err, new(catalog.Problem)):
			results[i].Err = of.err
		case ok && of.err == nil && n.Key == of.key:
			n.Inputs, n.Fingerprint = notes[i].Inputs, notes[i].Fingerprint
			results[i].Binary, results[i].Err = n.binary(file), n.write(file)
		default:
			stale, at = append(stale, f), append(at, i)
		}
	}
	if len(stale) == 0 {
		return results, nil
	}
	errs, err := compile(ctx, b.in, b.dir, stale)
	if err != nil {
		return nil, err
	}
	again := newReader(os.DirFS("/"))
	after, err := from.read(again, b.in.fixed)
	if err != nil {
		return nil, err
	}
	for n, i := range at {
		f := functions[i]
		switch {
		case errs[n] != nil:
			results[i].Err = errors.Join(cgo(b.c.Root, from.of[i]), errs[n])
		case from.of[i].err != nil:
			results[i].Err = from.of[i].err
		case from.prints[i] != after[i]:
			results[i].Err = fmt.Errorf("compile %s: %s changed meanwhile; run the same command again", f.Image, r.differs(again))
		default:
			results[i].Binary, results[i].Err = record(output(b.dir, f), notes[i])
		}
	}
	return results, nil
}
