package gobuild

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// listings are what `go list` printed in this process, by command line and environment. One
// command asks for the same list several times: to build, to audit, and to compare with the
// commit.
var listings sync.Map

// listing is what `go list` printed, and what that depends on.
type listing struct {
	out    string
	inputs Inputs
	print  string // fingerprint of the inputs at that time
}

// listed is [list] where nothing else runs. It does not ask again while nothing has changed
// that the answer depends on.
func listed(ctx context.Context, in command, m modules, functions []catalog.Function) (packages []Package, err error) {
	if known, ok := listings.Load(in.listing(functions)); ok {
		l := known.(listing)
		if now, err := l.read(newReader(os.DirFS("/")), in, m); err == nil && now == l.print {
			return parse(l.out)
		}
	}
	err = pinned(in, func() (err error) {
		packages, err = list(ctx, in, m, functions)
		return err
	})
	return packages, err
}

// list runs `go list`. What is wrong with a package is in its Error.
func list(ctx context.Context, in command, m modules, functions []catalog.Function) ([]Package, error) {
	start := time.Now()
	out, err := in.run(ctx, in.listArgs(functions)...)
	if err != nil {
		return nil, fmt.Errorf("list the packages of %s: %w", in.what(), err)
	}
	packages, err := parse(out)
	if err != nil || slices.ContainsFunc(packages, func(p Package) bool { return p.Error != nil }) {
		return packages, err
	}
	l, r := listing{out: out, inputs: inputs(in.root, m, packages, in.value("GOMODCACHE"))}, newReader(os.DirFS("/"))
	if l.print, err = l.read(r, in, m); err == nil && r.newest.Before(start.Add(-settled)) {
		listings.Store(in.listing(functions), l)
	}
	return packages, nil
}

// listing identifies a list: its command line and environment.
func (in command) listing(functions []catalog.Function) string {
	return strings.Join(slices.Concat(in.listArgs(functions), in.environ(), []string{in.dir()}), "\x00")
}

// read returns the fingerprint of what the list depends on.
func (l listing) read(r *reader, in command, m modules) (string, error) {
	shared, err := common(r, m, in)
	if err != nil {
		return "", err
	}
	return r.fingerprint(l.inputs, shared)
}
