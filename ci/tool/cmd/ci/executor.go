package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/run/executor"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// runFlags say how functions run on this machine.
type runFlags struct{ kind string }

func (f *runFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.kind, "run", "", "how to run the functions: direct, emulated (in QEMU), container, or native (compiled for this machine) (default: the first that works here)")
}

// choose decides how the functions run, says so, and has them built for that. existing tells that
// there is an image already, or a layout of images.
func (f *runFlags) choose(cmd *cobra.Command, b *buildFlags, functions []catalog.Function, existing bool) (*executor.Executor, error) {
	wish := executor.Wish{Kind: executor.Kind(f.kind), Image: existing}
	if b.platform != "" {
		p, err := parsePlatform(b.platform)
		if err != nil {
			return nil, err
		}
		wish.Architecture = p.Architecture
	}
	for _, function := range functions {
		wish.Own = append(wish.Own, function.Arch())
	}
	x, err := executor.Choose(cmd.Context(), wish)
	if err != nil {
		return nil, usageError{err}
	}
	line, other := "runs "+x.String(), publishedFor(x, functions)
	if other != "" && !existing {
		line += "; published for linux/" + other
	}
	fmt.Fprintln(cmd.ErrOrStderr(), line)
	// Else each function is built for its own architecture, as all others of the layout are.
	if x.Kind != executor.Native && other != "" && !existing {
		err = cmd.Flags().Set("platform", x.Platform())
	}
	return x, err
}

// publishedFor is an architecture for which one of the functions is published, other than that for
// which it runs here; "" if there is none.
func publishedFor(x *executor.Executor, functions []catalog.Function) string {
	for _, f := range functions {
		if f.Arch() != x.Architecture {
			return f.Arch()
		}
	}
	return ""
}

// prepare makes one function ready to run.
type prepare func(context.Context, catalog.Function) (*executor.Function, error)

// runnable builds the functions as the executor runs them. oldFFmpeg tells that they have the
// ffmpeg of npm. Images for another architecture than the published ones have a layout of
// their own: dist stays what is published.
func (a *app) runnable(cmd *cobra.Command, b *buildFlags, x *executor.Executor, functions []catalog.Function, out string) (_ prepare, oldFFmpeg bool, err error) {
	if x.Kind == executor.Native {
		made, err := a.native(cmd, b, x, functions)
		if err != nil {
			return nil, false, err
		}
		return func(_ context.Context, f catalog.Function) (*executor.Function, error) {
			return x.FromFiles(func(root string) error { return made.Lay(f, root) })
		}, true, nil
	}
	if out == "" && publishedFor(x, functions) != "" {
		c, err := a.catalog()
		if err != nil {
			return nil, false, err
		}
		out = filepath.Join(c.Root, "dist", "local")
	}
	r, dir, err := a.buildAll(cmd, b, out)
	if err != nil {
		return nil, false, err
	}
	if failed := r.Failed(); len(failed) > 0 {
		return nil, false, errors.Join(failed...)
	}
	oldFFmpeg = slices.ContainsFunc(r.Images, func(row build.Row) bool { return strings.HasPrefix(row.FFmpeg, "npm ") })
	return func(ctx context.Context, f catalog.Function) (*executor.Function, error) {
		return x.FromLayout(ctx, dir, f.Image)
	}, oldFFmpeg, nil
}

// native compiles the functions for this machine.
func (a *app) native(cmd *cobra.Command, f *buildFlags, x *executor.Executor, functions []catalog.Function) (*build.Native, error) {
	b, err := a.builder(cmd, f)
	if err != nil {
		return nil, err
	}
	b.Platform, b.Mixed = v1.Platform{OS: x.OS, Architecture: x.Architecture}, false
	return b.Native(cmd.Context(), functions)
}
