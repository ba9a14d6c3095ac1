// Package dev runs functions of the workspace from their images. When a source is saved, it
// builds what that concerns and swaps it between two invocations.
package dev

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/run/endpoint"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/run/watch"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// Options say what a session runs.
type Options struct {
	// Load reads the workspace as it is now: its builder, and the functions to run.
	Load func() (*build.Builder, []catalog.Function, error)
	// Env is added to each function's environment, as KEY=value.
	Env []string
	// Output receives what the functions and the session say.
	Output io.Writer
	// Start starts the function whose image is unpacked in a folder; nil for [invoke.Start].
	Start func(root string, o invoke.Options) (endpoint.Runner, error)
	// Debugger runs one of the functions; nil for none.
	Debugger *Debugger
}

// Session runs functions.
type Session struct {
	o      Options
	dir    string // of all that it writes
	layout string
	logs   *report.Sources
	watch  *watch.Watcher

	saves      atomic.Int64                       // counts the events of the file system
	abandon    atomic.Pointer[context.CancelFunc] // ends a build that is not urgent
	changed    chan struct{}
	background sync.WaitGroup
	ctx        context.Context
	cancel     context.CancelFunc

	mu        sync.Mutex
	functions map[string]*Function // by image
}

// Start builds the functions and begins to watch their sources. A function that cannot be
// built is no error: it can be when its sources are saved again. Close ends the session.
func Start(ctx context.Context, o Options) (_ *Session, err error) {
	if o.Start == nil {
		o.Start = func(root string, o invoke.Options) (endpoint.Runner, error) { return invoke.Start(root, o) }
	}
	b, functions, err := o.Load()
	if err != nil {
		return nil, err
	}
	width := 0
	for _, f := range functions {
		width = max(width, len(f.Image))
	}
	s := &Session{o: o, logs: report.NewSources(o.Output, width), changed: make(chan struct{}, 1), functions: map[string]*Function{}}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.dir, err = os.MkdirTemp("", "lambdas-dev-*"); err != nil {
		return nil, fmt.Errorf("start the session: %w", err)
	}
	s.layout = filepath.Join(s.dir, "layout")
	kept := b.Cache.Path()
	if s.watch, err = watch.New(func(dir string) bool { return dir == kept || dir == s.dir }); err != nil {
		return nil, err
	}
	if err := s.follow(b, functions); err != nil { // before the build, so that no save is lost
		return nil, err
	}
	s.background.Go(func() { s.watch.Run(s.save, func(err error) { s.say(nil, "%v", err) }) })
	if err := s.build(ctx, b, functions, 0); err != nil {
		return nil, err
	}
	s.background.Go(s.loop)
	return s, nil
}

// Close ends the functions and removes what the session wrote.
func (s *Session) Close() error {
	s.cancel()
	var errs []error
	if s.watch != nil {
		errs = append(errs, s.watch.Close())
	}
	s.background.Wait()
	for _, f := range s.all() {
		errs = append(errs, f.Stop())
	}
	return errors.Join(append(errs, os.RemoveAll(s.dir))...)
}

// Context ends when the session does.
func (s *Session) Context() context.Context { return s.ctx }

// Function returns the function of an image.
func (s *Session) Function(image string) (*Function, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f, ok := s.functions[image]
	return f, ok
}

// Find returns the function that has a name: of its image, or in AWS.
func (s *Session) Find(name string) (endpoint.Runner, bool) {
	if f, ok := s.Function(name); ok {
		return f, true
	}
	for _, f := range s.all() {
		if slices.Contains(f.names(), name) {
			return f, true
		}
	}
	return nil, false
}

// all returns the functions in the order of their images.
func (s *Session) all() []*Function {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []*Function
	for _, image := range slices.Sorted(maps.Keys(s.functions)) {
		all = append(all, s.functions[image])
	}
	return all
}

// say writes a line of the session about a function, or about all.
func (s *Session) say(f *Function, format string, args ...any) {
	w := s.logs.Writer("dev")
	text := fmt.Sprintf(format, args...)
	if f != nil {
		text = f.image + ": " + text
	}
	fmt.Fprintln(w, text)
}

// follow watches the folders of the functions' modules.
func (s *Session) follow(b *build.Builder, functions []catalog.Function) error {
	folders, err := gobuild.Folders(b.Catalog, functions)
	if err != nil {
		return err
	}
	return s.watch.Follow(folders)
}

// save notes that something was saved.
func (s *Session) save() {
	s.saves.Add(1)
	if end := s.abandon.Load(); end != nil {
		(*end)()
	}
	select {
	case s.changed <- struct{}{}:
	default: // noted already
	}
}

// quiet is how long no file may be written before what was saved is read: programs write
// several files at once. It waits four times that at most.
const quiet = 10 * time.Millisecond

// loop builds what is saved until the session ends.
func (s *Session) loop() {
	for {
		select {
		case <-s.changed:
		case <-s.ctx.Done():
			return
		}
		for range 4 {
			before := s.saves.Load()
			select {
			case <-time.After(quiet):
			case <-s.ctx.Done():
				return
			}
			if s.saves.Load() == before {
				break
			}
		}
		s.refresh()
	}
}

// refresh reads the workspace again and builds what changed.
func (s *Session) refresh() {
	save := s.saves.Load()
	b, functions, err := s.o.Load()
	if err == nil {
		err = s.follow(b, functions)
	}
	if err == nil {
		err = s.build(s.ctx, b, functions, save)
	}
	if err == nil || s.ctx.Err() != nil {
		return
	}
	for _, f := range s.all() {
		f.fail(err, save)
	}
}

// parts is the key of what an image has besides its program.
func parts(b *build.Builder, f catalog.Function) (string, error) {
	files, _, err := build.FilesLayer(b.Cache, b.Catalog.Root, f)
	if err != nil {
		return "", err
	}
	key, err := json.Marshal([]any{f, files, b.Lock, b.BaseRef, b.FFmpegRef, b.Platform})
	return string(key), err
}

// kindOf is the type of an error of the sources.
func kindOf(err error) string {
	if errors.As(err, new(*gobuild.CompileError)) {
		return "Dev.CompileError"
	}
	return "Dev.BuildError"
}
