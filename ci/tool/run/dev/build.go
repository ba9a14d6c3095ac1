package dev

import (
	"cmp"
	"context"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// job is a function that is to be built.
type job struct {
	*Function
	of    catalog.Function
	parts string
}

// build builds the functions whose sources changed up to a save, and makes them run what it
// built. The error is one that concerns all.
func (s *Session) build(ctx context.Context, b *build.Builder, functions []catalog.Function, save int64) error {
	start := time.Now()
	s.adopt(functions)
	for _, part := range b.Parts(functions) {
		whole, code := s.jobs(part, save)
		code, err := s.stale(part, code, save)
		if err != nil {
			return err
		}
		if err := s.images(ctx, part, whole, save, start); err != nil {
			return err
		}
		if err := s.programs(ctx, part, code, save, start); err != nil {
			return err
		}
	}
	return nil
}

// adopt adds functions that are new in the workspace and ends those that are gone.
func (s *Session) adopt(functions []catalog.Function) {
	var gone []*Function
	s.mu.Lock()
	for _, of := range functions {
		if f := s.functions[of.Image]; f != nil {
			f.describe(of)
		} else {
			s.functions[of.Image] = newFunction(s, of)
		}
	}
	for image, f := range s.functions {
		if !slices.ContainsFunc(functions, func(of catalog.Function) bool { return of.Image == image }) {
			delete(s.functions, image)
			gone = append(gone, f)
		}
	}
	s.mu.Unlock()
	for _, f := range gone {
		s.say(f, "is no function of the workspace any more")
		s.background.Go(func() { _ = f.Stop() }) // it may have an event
	}
}

// jobs divides the functions into those whose image is to be made, and those of which at most
// the program changed.
func (s *Session) jobs(part build.Part, save int64) (whole, code []job) {
	for _, of := range part.Functions {
		f, _ := s.Function(of.Image)
		key, err := parts(part.Builder, of)
		if err != nil {
			f.fail(err, save)
			continue
		}
		j := job{f, of, key}
		if f.next == nil || f.next.parts != key {
			whole = append(whole, j)
		} else {
			code = append(code, j)
		}
	}
	return whole, code
}

// catalogued returns the functions of jobs.
func catalogued(jobs []job) []catalog.Function {
	all := make([]catalog.Function, len(jobs))
	for n, j := range jobs {
		all[n] = j.of
	}
	return all
}

// stale returns the jobs whose sources are not those of the last binary.
func (s *Session) stale(part build.Part, jobs []job, save int64) ([]job, error) {
	old, err := part.Stale(catalogued(jobs))
	if err != nil {
		return nil, err
	}
	var stale []job
	for n, j := range jobs {
		// Of a binary for a debugger there is no note.
		if old[n] || j.failed != nil || j.debugged() {
			stale = append(stale, j)
		} else {
			j.same(save)
		}
	}
	return stale, nil
}

// images makes whole images.
func (s *Session) images(ctx context.Context, part build.Part, jobs []job, save int64, start time.Time) error {
	if len(jobs) == 0 {
		return nil
	}
	r, err := part.All(ctx, catalogued(jobs), s.layout)
	if err != nil {
		return err
	}
	for _, w := range r.Warnings {
		s.say(nil, "%s", w)
	}
	for n, row := range r.Images {
		binary, err := part.Binary(jobs[n].of)
		if row.Err != nil {
			err = row.Err
		}
		s.made(ctx, part, jobs[n], gobuild.Result{Binary: binary, Err: err}, save, start)
	}
	return nil
}

// programs makes programs alone: the rest of their images is unpacked already. What people call
// comes first, so that an edit of a package that many functions import is answered before all
// of them are linked.
func (s *Session) programs(ctx context.Context, part build.Part, jobs []job, save int64, start time.Time) error {
	for len(jobs) > 0 {
		var batch []job
		var urgent bool
		batch, jobs, urgent = first(jobs)
		err := s.batch(ctx, part, batch, urgent, save, start)
		if err != nil || s.saves.Load() != save { // the next build has what is left
			return err
		}
	}
	return nil
}

// first takes the jobs that come next: those that callers wait for, else the function that was
// called last, else others that were called. Otherwise it takes a few, which are not urgent.
func first(jobs []job) (batch, rest []job, urgent bool) {
	slices.SortStableFunc(jobs, func(a, b job) int {
		return cmp.Or(cmp.Compare(min(b.waiting.Load(), 1), min(a.waiting.Load(), 1)), cmp.Compare(b.called.Load(), a.called.Load()))
	})
	n := 1
	urgent = jobs[0].waiting.Load() > 0 || jobs[0].called.Load() > 0
	for n < len(jobs) && (jobs[n].waiting.Load() > 0 || !urgent && n < runtime.GOMAXPROCS(0)) {
		n++
	}
	return jobs[:n], jobs[n:], urgent
}

// batch makes the programs of jobs. If they are not urgent, the next save ends it.
func (s *Session) batch(ctx context.Context, part build.Part, jobs []job, urgent bool, save int64, start time.Time) error {
	if !urgent {
		var cancel context.CancelFunc
		ctx, cancel = context.WithCancel(ctx)
		defer cancel()
		s.abandon.Store(&cancel)
		defer s.abandon.Store(nil)
	}
	results, err := part.Binaries(ctx, catalogued(jobs))
	if ctx.Err() != nil && s.saves.Load() != save {
		return nil
	}
	if err != nil {
		return err
	}
	for n, r := range results {
		s.made(ctx, part, jobs[n], r, save, start)
	}
	return nil
}

// made takes what a build made of a function.
func (s *Session) made(ctx context.Context, part build.Part, j job, r gobuild.Result, save int64, start time.Time) {
	if r.Err == nil && j.debugged() {
		r.Binary, r.Err = s.o.Debugger.compile(ctx, part, j.of, filepath.Join(s.dir, "debug"))
	}
	if r.Err != nil {
		j.fail(r.Err, save)
		return
	}
	if j.next != nil && j.next.digest == r.Binary.Digest && j.next.parts == j.parts {
		j.same(save)
		return
	}
	file, err := j.keep(r.Binary.Path)
	if err != nil {
		j.fail(err, save)
		return
	}
	j.take(s.ctx, &program{j.of, file, r.Binary.Digest, j.parts}, save, start)
}
