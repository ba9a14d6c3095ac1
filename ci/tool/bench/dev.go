//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"lambdas.internal/ci/tool/run/dev"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// The cases of a save, and their subjects.
const (
	caseSave       = "a save of a function to its new answer"
	caseSaveShared = "a save of a shared package to a new answer"
	nameDev        = "bin/ci dev"
	nameInvoke     = "bin/ci invoke"
)

// savedImage is the image of [editedFunction], which is called.
const savedImage = "thumb"

// answerer brings the answer of the code that is saved.
type answerer interface {
	// answer calls the function until the line of the edit is in its log.
	answer(ctx context.Context, line string) error
	close() error
}

// saver is one way to get the answer of what is saved, in a workspace of its own.
type saver struct {
	answerer
	name             string
	function, shared *edit
}

// saves measures the time from a save to the answer of the new code: with `bin/ci dev`, and
// with `bin/ci invoke`, which builds and starts the function for each call. Both run the five
// functions' workspace; no environment variables are set, so the function answers that one is missing.
func (o options) saves(ctx context.Context, scratch string) (results []Result, err error) {
	var savers []saver
	defer func() {
		for _, s := range savers {
			err = errors.Join(err, s.close())
		}
	}()
	for _, name := range []string{nameDev, nameInvoke} {
		dir := filepath.Join(scratch, "save", strings.ReplaceAll(filepath.Base(name), " ", "-"))
		s, err := o.saver(ctx, name, dir)
		if err != nil {
			return nil, err
		}
		savers = append(savers, s)
	}
	for _, name := range []string{caseSave, caseSaveShared} {
		times := make([]Times, len(savers))
		for rep := range o.repeat + 1 {
			for n := range savers {
				i := (rep + n) % len(savers)
				of := savers[i].function
				if name == caseSaveShared {
					of = savers[i].shared
				}
				took, err := savers[i].measure(ctx, of)
				if err != nil {
					return results, fmt.Errorf("%s: %s: %w", name, savers[i].name, err)
				}
				times[i].Subject = savers[i].name
				if rep > 0 { // the first one starts it
					times[i].Seconds, times[i].CPU = append(times[i].Seconds, took.Seconds()), append(times[i].CPU, 0)
				}
			}
			o.progress(fmt.Sprintf("%s: %d of %d", name, rep, o.repeat))
		}
		results = append(results, newResult(name, times))
	}
	return results, nil
}

// saver starts one of them in dir.
func (o options) saver(ctx context.Context, name, dir string) (s saver, err error) {
	w, err := copyWorkspace(o.root, filepath.Join(dir, "workspace"))
	if err != nil {
		return s, err
	}
	if err := os.CopyFS(goCacheIn(dir), os.DirFS(o.goCache)); err != nil {
		return s, err
	}
	s.name = name
	if s.function, err = newEdit(filepath.Join(w.Root, editedFunction), "main"); err != nil {
		return s, err
	}
	if s.shared, err = newEdit(filepath.Join(w.Root, editedPackage), "Start"); err != nil {
		return s, err
	}
	event := filepath.Join(w.Root, editedFunction, "testdata", "event.json")
	call := caller{o.toolWith(nameTool, downloads), w, dir, event}
	if name == nameInvoke {
		s.answerer = invoker{call}
		return s, nil
	}
	s.answerer, err = startSession(ctx, call)
	return s, err
}

// measure saves an edit and waits for its answer.
func (s saver) measure(ctx context.Context, of *edit) (time.Duration, error) {
	if err := of.Apply(); err != nil {
		return 0, err
	}
	start := time.Now()
	err := s.answer(ctx, of.text()+"\n")
	return time.Since(start), err
}

// caller is a command line of the tool in a workspace.
type caller struct {
	tool  tool
	w     *catalog.Catalog
	dir   string
	event string
}

func (c caller) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := c.tool.command(ctx, c.w, filepath.Join(c.dir, "cache"), append(args, "--base", "static", "--ffmpeg", "static")...)
	cmd.Env = append(os.Environ(), goCache(c.dir))
	return cmd
}

// invoker builds and starts the function for each call.
type invoker struct{ caller }

func (i invoker) answer(ctx context.Context, line string) error {
	cmd := i.command(ctx, "invoke", "--name", savedImage, "--event", i.event)
	out, err := cmd.CombinedOutput()
	if !bytes.Contains(out, []byte(line)) {
		return fmt.Errorf("the code of %q did not run: %w\n%s", line, err, out)
	}
	return nil // the function reports that a variable is missing, which is an answer
}

func (invoker) close() error { return nil }

// session is a running `bin/ci dev`.
type session struct {
	cmd   *exec.Cmd
	out   lockedBuffer
	log   lockedBuffer
	url   string
	event []byte
}

// lockedBuffer is a buffer that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(text)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func startSession(ctx context.Context, c caller) (*session, error) {
	s := &session{cmd: c.command(ctx, "dev", "--listen", "127.0.0.1:0", "--json")}
	s.cmd.Cancel = func() error { return s.cmd.Process.Signal(os.Interrupt) }
	s.cmd.Stdout, s.cmd.Stderr = &s.out, &s.log
	var err error
	if s.event, err = os.ReadFile(c.event); err != nil {
		return nil, err
	}
	if err := s.cmd.Start(); err != nil {
		return nil, err
	}
	var running dev.Running
	for start := time.Now(); json.Unmarshal([]byte(s.out.String()), &running) != nil; time.Sleep(10 * time.Millisecond) {
		if time.Since(start) > 5*time.Minute || ctx.Err() != nil {
			return nil, errors.Join(fmt.Errorf("start bin/ci dev: it says nothing\n%s", &s.log), s.close())
		}
	}
	s.url = running.URL + "/2015-03-31/functions/" + savedImage + "/invocations"
	return s, nil
}

func (s *session) answer(ctx context.Context, line string) error {
	for ctx.Err() == nil {
		r, err := http.Post(s.url, "application/json", bytes.NewReader(s.event))
		if err != nil {
			return err
		}
		if err := r.Body.Close(); err != nil {
			return err
		}
		if strings.Contains(s.log.String(), line) {
			return nil
		}
	}
	return context.Cause(ctx)
}

func (s *session) close() error {
	if err := s.cmd.Process.Signal(os.Interrupt); err != nil {
		return err
	}
	return s.cmd.Wait()
}
