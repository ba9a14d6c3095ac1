package dev

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/run/endpoint"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/run/rootfs"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// program is what a function runs.
type program struct {
	of     catalog.Function
	file   string // a copy of the binary, which stays as it is
	digest string // of the binary
	parts  string // of all else in the image: equal keys mean equal files and settings
}

// Function is a function of a [Session]. It is an [endpoint.Runner].
type Function struct {
	s       *Session
	image   string
	of      catalog.Function // as image.json was last read; guarded by mu
	dir     string           // its own
	sandbox *endpoint.Sandbox
	logs    *report.Source

	called  atomic.Int64 // when it got its last event
	waiting atomic.Int32 // events that wait for a build

	mu sync.Mutex
	// next is what the sources make, and runs what the sandbox has: nil before the first build.
	next, runs *program
	swapping   bool
	failed     *invoke.FunctionError // why the sources make nothing
	latest     int64                 // the save that next or failed is of
	known      int64                 // the same, when the sandbox has next
	settled    chan struct{}         // closed, and made anew, when known changes

	programs int // that were built

	// These belong to who has the turn of the sandbox.
	root    string // where the image is unpacked; "" before
	env     []string
	unpacks int
}

func newFunction(s *Session, of catalog.Function) *Function {
	f := &Function{s: s, image: of.Image, of: of, dir: filepath.Join(s.dir, "functions", of.Image), logs: s.logs.Writer(of.Image), settled: make(chan struct{})}
	f.sandbox = endpoint.IdleSandbox(f.start)
	return f
}

// maxMessage is the length of an error in a header.
const maxMessage = 1 << 10

// Invoke sends the function an event. If its sources were saved, it waits until they are built:
// the answer is that of the new program. If they cannot be built, the program of before
// answers; without one, the answer is the error.
func (f *Function) Invoke(ctx context.Context, event []byte) (invoke.Response, error) {
	f.called.Store(time.Now().UnixNano())
	if err := f.built(ctx, f.s.saves.Load()); err != nil {
		return invoke.Response{}, err
	}
	f.mu.Lock()
	next, failed := f.next, f.failed
	f.mu.Unlock()
	switch {
	case next != nil:
		return f.invoke(ctx, event, failed)
	case failed == nil:
		failed = &invoke.FunctionError{Type: "Dev.BuildError", Message: "the function is not built yet"}
	}
	return invoke.Response{Error: failed}, nil
}

// built waits until what was saved is built, or cannot be.
func (f *Function) built(ctx context.Context, save int64) error {
	f.waiting.Add(1)
	defer f.waiting.Add(-1)
	for {
		f.mu.Lock()
		known, settled := f.known, f.settled
		f.mu.Unlock()
		if known >= save {
			return nil
		}
		select {
		case <-settled:
		case <-ctx.Done():
			return fmt.Errorf("wait until the function is built: %w", context.Cause(ctx))
		}
	}
}

func (f *Function) invoke(ctx context.Context, event []byte, failed *invoke.FunctionError) (invoke.Response, error) {
	r, err := f.sandbox.Invoke(ctx, event)
	_ = f.logs.Flush() // the stream says it if it cannot be written
	if failed != nil {
		f.s.say(f, "answered by the program of before; its sources cannot be built")
		r.Stale = &invoke.FunctionError{Type: failed.Type, Message: failed.Message[:min(len(failed.Message), maxMessage)]}
	}
	return r, err
}

// Stop ends the function.
func (f *Function) Stop() error { return f.sandbox.Stop() }

// settle notes to which save the state of the function belongs, unless a swap will. The caller
// holds the lock.
func (f *Function) settle(save int64) {
	f.latest = save
	if f.swapping {
		return
	}
	f.known = f.latest
	close(f.settled)
	f.settled = make(chan struct{})
}

// fail notes why the sources make no program.
func (f *Function) fail(err error, save int64) {
	if f.failed == nil || f.failed.Message != err.Error() { // only builds change it, one after the other
		f.s.say(f, "%v", err)
	}
	f.note(&invoke.FunctionError{Type: kindOf(err), Message: err.Error()}, save)
}

// same notes that the sources make what they made before.
func (f *Function) same(save int64) {
	if f.failed != nil {
		f.s.say(f, "the sources make the program of before again")
	}
	f.note(nil, save)
}

func (f *Function) note(failed *invoke.FunctionError, save int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = failed
	f.settle(save)
}

// take makes the function run another program from its next event on. It does not wait for an
// invocation that runs.
func (f *Function) take(ctx context.Context, p *program, save int64, since time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	first := f.next == nil
	f.next, f.failed = p, nil
	if first {
		f.settle(save)
		if f.debugged() { // so that a debugger can be there before the first event
			f.s.background.Go(f.wake)
		}
		return
	}
	if !f.swapping {
		f.swapping = true
		f.s.background.Go(func() { f.swap(ctx, since) })
	}
	f.settle(save)
}

// wake starts the function before its first event.
func (f *Function) wake() {
	if err := f.sandbox.Wake(); err != nil {
		f.s.say(f, "%v", err)
	}
}

// swap replaces the program, until it is the last one that was built.
func (f *Function) swap(ctx context.Context, since time.Time) {
	err := f.sandbox.Swap(ctx, f.install)
	for ; err == nil && !f.swapped(); err = f.sandbox.Swap(ctx, f.install) {
	}
	switch {
	case ctx.Err() != nil:
		return
	case err != nil: // the next event tries again
		f.mu.Lock()
		f.swapping = false
		f.settle(f.latest)
		f.mu.Unlock()
		f.s.say(f, "start the new program: %v", err)
	default:
		f.s.say(f, "new program after %s", report.Duration(time.Since(since)))
	}
}

// swapped tells whether the sandbox has the last program, and notes it.
func (f *Function) swapped() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.runs != f.next {
		return false
	}
	f.swapping = false
	f.settle(f.latest)
	return true
}

// keep copies a binary, which the next build may replace. Of older copies it leaves two: one may
// be read at this moment.
func (f *Function) keep(binary string) (string, error) {
	f.programs++
	name := func(n int) string { return filepath.Join(f.dir, fmt.Sprintf("program-%d", n)) }
	if err := os.Remove(name(f.programs - 3)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return name(f.programs), cache.Copy(binary, name(f.programs))
}

// describe notes what image.json says of the function.
func (f *Function) describe(of catalog.Function) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.of = of
}

// names are those of the function in AWS.
func (f *Function) names() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.of.Names()
}

// install puts the last program that was built where the sandbox starts it. The image is unpacked if
// more of it than the program is new.
func (f *Function) install() error {
	f.mu.Lock()
	next, runs := f.next, f.runs
	f.mu.Unlock()
	if f.root != "" && runs != nil && runs.parts != next.parts {
		if err := os.RemoveAll(f.root); err != nil {
			return err
		}
		f.root = ""
	}
	if f.root != "" && runs != next {
		if err := f.place(next); err != nil {
			return err
		}
	}
	f.mu.Lock()
	f.runs = next
	f.mu.Unlock()
	return nil
}

// place puts a program into the unpacked image.
func (f *Function) place(p *program) error {
	return cache.Copy(p.file, filepath.Join(f.root, image.BootstrapPath))
}

// start starts the function; the sandbox calls it while no event is with it.
func (f *Function) start() (endpoint.Runner, error) {
	if err := f.install(); err != nil {
		return nil, err
	}
	f.mu.Lock()
	p := f.runs
	f.mu.Unlock()
	if f.root == "" {
		if err := f.unpack(p); err != nil {
			return nil, err
		}
	}
	o := invoke.Options{Name: p.of.Lambda, Image: f.env, Env: f.s.o.Env, Memory: p.of.Memory, Logs: f.logs}
	if f.debugged() {
		// A debugger is no file of the image, so the function sees those of this machine.
		o.Open, o.Via = true, f.s.o.Debugger.Via
		return f.s.o.Start(f.root, o)
	}
	r, err := f.s.o.Start(f.root, o)
	if limit := time.Duration(p.of.Timeout) * time.Second; err == nil && limit > 0 {
		r = timed{r, limit}
	}
	return r, err
}

// timed is a function with a timeout.
type timed struct {
	endpoint.Runner
	limit time.Duration
}

func (t timed) Invoke(ctx context.Context, event []byte) (invoke.Response, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, t.limit, fmt.Errorf("it did not answer within the timeout in its image.json, %s: %w", t.limit, context.DeadlineExceeded))
	defer cancel()
	return t.Runner.Invoke(ctx, event)
}

// debugged tells whether the function runs under a debugger.
func (f *Function) debugged() bool { return f.s.o.Debugger != nil && f.s.o.Debugger.Image == f.image }

func (f *Function) unpack(p *program) (err error) {
	f.unpacks++
	root := filepath.Join(f.dir, fmt.Sprintf("root-%d", f.unpacks))
	if err := rootfs.Unpack(context.Background(), f.s.layout, p.of.Image, root); err != nil {
		return err
	}
	if f.env, err = rootfs.Environment(f.s.layout, p.of.Image); err != nil {
		return err
	}
	f.root = root
	return f.place(p)
}
