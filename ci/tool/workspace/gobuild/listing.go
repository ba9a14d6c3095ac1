package gobuild

import (
	"context"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// listings are what `go list` printed in this process, by command line and environment. One
// command asks for the same list several times: to audit, and to compare with the commit.
var listings sync.Map

// listing is what `go list` printed, and what that depends on.
type listing struct {
	out    string
	inputs Inputs
	print  string // fingerprint of the inputs at that time
}

// listed is [list] where nothing else runs. It does not ask again while nothing has changed
// that the answer depends on. A build does not use it: it asks while it compiles, often in a
// go.work of its own.
func listed(ctx context.Context, in command, m modules, functions []catalog.Function) ([]Package, error) {
	key := strings.Join(slices.Concat(in.listArgs(functions), in.environ(), []string{in.dir()}), "\x00")
	if known, ok := listings.Load(key); ok {
		l := known.(listing)
		if now, err := l.read(newReader(os.DirFS("/")), in, m); err == nil && now == l.print {
			return parse(l.out)
		}
	}
	start := time.Now()
	var out string
	err := pinned(in, func() (err error) {
		out, err = printed(ctx, in, functions)
		return err
	})
	if err != nil {
		return nil, err
	}
	packages, err := parse(out)
	if err != nil || slices.ContainsFunc(packages, func(p Package) bool { return p.Error != nil }) {
		return packages, err
	}
	l, r := listing{out: out, inputs: inputs(in.root, m, packages, in.value("GOMODCACHE"))}, newReader(os.DirFS("/"))
	if l.print, err = l.read(r, in, m); err == nil && r.newest.Before(start.Add(-settled)) {
		listings.Store(key, l)
	}
	return packages, nil
}

// read returns the fingerprint of what the list depends on.
func (l listing) read(r *reader, in command, m modules) (string, error) {
	shared, err := common(r, m, in)
	if err != nil {
		return "", err
	}
	return r.fingerprint(l.inputs, shared)
}
