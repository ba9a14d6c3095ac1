// Package build makes the images of the functions. It runs the steps (compile, base,
// ffmpeg, assemble), in parallel if they do not need each other, and reports what each
// image consists of.
package build

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/gofrs/flock"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/base"
	"lambdas.internal/ci/tool/image/ffmpeg"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Builder makes images of one workspace.
type Builder struct {
	Catalog *catalog.Catalog
	Cache   *cache.Cache
	Lock    *lock.Lock
	// Platform is that of all images; with Mixed, each has the architecture of its function.
	Platform v1.Platform
	Mixed    bool
	// Apart are the architectures of a layout that holds each image for several: the
	// architecture is part of the name there, as in api:arm64.
	Apart []string
	// BaseRef and FFmpegRef replace the images of the lock file; see [pin.Options].
	BaseRef, FFmpegRef string
	// Mirrors say from where to pull images instead.
	Mirrors lock.Mirrors
	// Offline forbids requests to a registry.
	Offline bool
	// Step reports progress.
	Step report.Steps
}

// Base returns the base, whose layers it puts into the cache, and where it comes from.
func (b *Builder) Base(ctx context.Context) (made image.Base, reused bool, from pin.Choice, err error) {
	ctx, done := b.Step(ctx, "base") // it takes seconds to find out that a registry cannot be reached
	defer func() { done(err) }()
	from, err = pin.Choose(ctx, b.Lock.Base, pin.Options{
		Explicit: b.BaseRef, Mirrors: b.Mirrors, Offline: b.Offline,
		Cached: func(c pin.Choice) bool { return base.Cached(b.Cache, c, b.Platform) },
	})
	if err != nil {
		return image.Base{}, false, from, fmt.Errorf("choose the base: %w", err)
	}
	made, reused, err = base.Get(ctx, b.Cache, from, b.Platform)
	return made, reused, from, err
}

// FFmpeg returns the layer with ffmpeg and ffprobe, which it puts into the cache, and
// where it comes from.
func (b *Builder) FFmpeg(ctx context.Context) (made layer.Layer, reused bool, from pin.Choice, err error) {
	ctx, done := b.Step(ctx, "ffmpeg layer")
	defer func() { done(err) }()
	from, err = pin.Choose(ctx, b.Lock.FFmpeg, pin.Options{
		Explicit: b.FFmpegRef, Mirrors: b.Mirrors, Offline: b.Offline,
		Cached: func(c pin.Choice) bool { return ffmpeg.Cached(b.Cache, c, b.Platform) },
	})
	if err != nil {
		return layer.Layer{}, false, from, fmt.Errorf("choose ffmpeg: %w", err)
	}
	made, reused, err = ffmpeg.Get(ctx, b.Cache, from, b.Lock.Static, b.Platform)
	return made, reused, from, err
}

// Binaries compiles the functions. Only one build of a workspace runs at a time; others
// wait.
func (b *Builder) Binaries(ctx context.Context, functions []catalog.Function) (results []gobuild.Result, err error) {
	dir := b.binaries()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	alone := flock.New(filepath.Join(dir, ".lock"))
	if _, err := alone.TryLockContext(ctx, 50*time.Millisecond); err != nil {
		return nil, fmt.Errorf("wait for another build of this workspace: %w", err)
	}
	defer alone.Close()
	ctx, done := b.Step(ctx, fmt.Sprintf("compile %s with %s for %s", report.Count(len(functions), "function"), b.Catalog.Toolchain, b.Platform))
	defer func() {
		failures := []error{err}
		for _, r := range results {
			failures = append(failures, r.Err)
		}
		done(errors.Join(failures...))
	}()
	return gobuild.Compile(ctx, b.Catalog, functions, b.Platform, dir)
}

// Stale tells of each function whether what it is built from changed since [Builder.Binaries]
// compiled it.
func (b *Builder) Stale(functions []catalog.Function) ([]bool, error) {
	return gobuild.Stale(b.Catalog, functions, b.Platform, b.binaries())
}

// Binary returns the function's binary that [Builder.Binaries] made last.
func (b *Builder) Binary(f catalog.Function) (gobuild.Binary, error) {
	return gobuild.Open(b.binaries(), f)
}

// binaries is the folder where the outputs of `go build` stay, so that the next build
// can reuse them.
func (b *Builder) binaries() string {
	return b.Cache.Path("binaries", cache.Key(b.Catalog.Root)[:16], b.Platform.OS+"-"+b.Platform.Architecture)
}

// Forget removes the outputs of `go build`, for a workspace that will not be built again.
func (b *Builder) Forget() error { return os.RemoveAll(filepath.Dir(b.binaries())) }

// All makes the images of the functions and writes them to the OCI image layout in dir,
// where the images of other functions of the catalog stay. If an image fails, its row
// says why, and the others are still made. The error is one that concerns all images.
func (b *Builder) All(ctx context.Context, functions []catalog.Function, dir string) (*Report, error) {
	var all *Report
	for _, p := range b.Parts(functions) {
		r, err := p.all(ctx, p.Functions, dir)
		if err != nil {
			return nil, err
		}
		all = all.With(r, functions)
	}
	return all, nil
}

// all is [Builder.All] for one platform.
func (b *Builder) all(ctx context.Context, functions []catalog.Function, dir string) (*Report, error) {
	start := time.Now()
	var in Inputs
	var baseFrom, ffmpegFrom pin.Choice
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		in.Base, in.BaseReused, baseFrom, err = b.Base(gctx)
		return err
	})
	g.Go(func() (err error) {
		in.Binaries, err = b.Binaries(gctx, functions)
		return err
	})
	if anyHeavy(functions) {
		g.Go(func() error {
			var made layer.Layer
			made, in.FFmpegReused, ffmpegFrom, in.FFmpegErr = b.FFmpeg(gctx)
			in.FFmpeg = &made
			return nil // the light images do not need it
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	rows, err := b.Assemble(ctx, functions, in, dir)
	if err != nil {
		return nil, err
	}
	if err := b.trim(rows); err != nil {
		return nil, err
	}
	return &Report{
		Platform: b.Platform.String(), Images: rows, Seconds: time.Since(start).Seconds(),
		Warnings: b.Warnings(baseFrom, ffmpegFrom),
	}, nil
}

func anyHeavy(functions []catalog.Function) bool {
	for _, f := range functions {
		if f.Variant == catalog.Heavy {
			return true
		}
	}
	return false
}

// Inputs are the parts from which the images are assembled.
type Inputs struct {
	Base       image.Base
	BaseReused bool
	// FFmpeg is the layer for the heavy images; FFmpegErr says why there is none.
	FFmpeg       *layer.Layer
	FFmpegReused bool
	FFmpegErr    error
	// Binaries are in the order of the functions.
	Binaries []gobuild.Result
}

// Assemble makes the images from their inputs and writes them to the OCI image
// layout in dir. See [Builder.All].
func (b *Builder) Assemble(ctx context.Context, functions []catalog.Function, in Inputs, dir string) (rows []Row, err error) {
	ctx, done := b.Step(ctx, "assemble")
	rows = make([]Row, len(functions))
	from, err := b.origin(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { done(errors.Join(err, errors.Join(failures(rows)...))) }()
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, f := range functions {
		g.Go(func() error {
			start := time.Now()
			rows[i] = b.one(f, in, in.Binaries[i])
			from.annotate(&rows[i].Descriptor, f, rows[i].files(), in.Binaries[i].Binary)
			if rows[i].Err == nil && len(b.Apart) > 0 {
				rows[i].Descriptor.Annotations[image.AnnotationRefName] = apart(f.Image, b.Platform.Architecture)
			}
			rows[i].Seconds = time.Since(start).Seconds()
			return nil
		})
	}
	if err := errors.Join(g.Wait(), context.Cause(ctx)); err != nil {
		return nil, err
	}
	var made []v1.Descriptor
	for _, r := range rows {
		if r.Err == nil {
			made = append(made, r.Descriptor)
		}
	}
	if len(made) == 0 {
		return rows, nil // dir stays unchanged
	}
	return rows, layout.Write(dir, made, b.Cache, b.stays)
}

// stays tells whether an image that is in the layout already stays: one of a function of
// the catalog, for the same platform, or for one of those that the layout holds apart.
func (b *Builder) stays(d v1.Descriptor) bool {
	if len(b.Apart) > 0 {
		return slices.ContainsFunc(b.Catalog.Functions, func(f catalog.Function) bool {
			return slices.ContainsFunc(b.Apart, func(a string) bool { return apart(f.Image, a) == d.Annotations[image.AnnotationRefName] })
		})
	}
	of, err := b.Catalog.Select([]string{d.Annotations[image.AnnotationRefName]})
	return err == nil && d.Platform != nil && d.Platform.Architecture == b.For(of[0]).Architecture
}

// one makes one image and puts its blobs into the cache.
func (b *Builder) one(f catalog.Function, in Inputs, compiled gobuild.Result) Row {
	row := Row{Function: f, Platform: b.Platform.String()}
	fail := func(err error) Row {
		row.Err, row.Error = err, err.Error()
		return row
	}
	if compiled.Err != nil {
		return fail(compiled.Err)
	}
	binary, reused, err := binaryLayer(b.Cache, compiled.Binary)
	if err != nil {
		return fail(fmt.Errorf("make the binary layer of %s: %w", f.Image, err))
	}
	img := image.Image{Function: f, Platform: b.Platform, Base: in.Base, Binary: binary}
	filesReused := false
	if img.Files, filesReused, err = FilesLayer(b.Cache, b.Catalog.Root, f); err != nil {
		return fail(err)
	}
	if f.Variant == catalog.Heavy {
		if in.FFmpegErr != nil {
			return fail(fmt.Errorf("make image %s: %w", f.Image, in.FFmpegErr))
		}
		img.FFmpeg = in.FFmpeg
	}
	encoded, err := img.Encode()
	if err != nil {
		return fail(err)
	}
	for _, blob := range [][]byte{encoded.Config, encoded.Manifest} {
		if _, err := b.Cache.PutBytes(blob); err != nil {
			return fail(fmt.Errorf("write image %s to the cache: %w", f.Image, err))
		}
	}
	row.Descriptor = encoded.Descriptor
	row.describe(img, in, filesReused, compiled.Binary.Reused && reused)
	return row
}

// binaryLayer returns the layer with the binary only.
func binaryLayer(c *cache.Cache, binary gobuild.Binary) (layer.Layer, bool, error) {
	f, err := layer.Local(image.BootstrapPath, 0o755, binary.Path)
	if err != nil {
		return layer.Layer{}, false, err
	}
	f.Digest = binary.Digest
	files, comment := image.BinaryLayer(f)
	return layer.Keep(c, files, comment)
}
