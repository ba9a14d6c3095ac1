package main

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/image/base"
	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

func newImages(a *app) *cobra.Command {
	var f buildFlags
	var out, binaries string
	var baseDir, ffmpegLayer perArchitecture
	var of handoffFlags
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Compile the functions and assemble their images on a base and a layer",
		Long: `Compile the functions and assemble their images on a base and a layer.

--published prints images that are published already instead: of each Lambda function the
repository, the digest and the architecture, in a format that Terraform, CDK or
CloudFormation reads. See docs/INFRASTRUCTURE.md.`,
		Example: `  bin/ci base --out base
  bin/ci ffmpeg-layer --out ffmpeg.tar.gz
  bin/ci images --base-layout base --ffmpeg-layer ffmpeg.tar.gz

  bin/ci binaries --out binaries
  bin/ci images --base-layout base --ffmpeg-layer ffmpeg.tar.gz --binaries binaries

  bin/ci images --published --commit abc1234 --format tfvars`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := of.check(cmd, len(baseDir) > 0); err != nil {
				return err
			}
			if of.published {
				of.only = f.only
				return of.read(cmd.Context(), a, cmd)
			}
			start := time.Now()
			b, err := a.builder(cmd, &f)
			if err != nil {
				return err
			}
			functions, err := b.Catalog.Select(f.only)
			if err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(b.Catalog.Root, "dist")
			}
			var all *build.Report
			for _, part := range b.Parts(functions) {
				in, err := inputs(cmd.Context(), part, baseDir.of(part.Platform.Architecture), ffmpegLayer.of(part.Platform.Architecture), binaries)
				if err != nil {
					return err
				}
				rows, err := part.Assemble(cmd.Context(), part.Functions, in, out)
				if err != nil {
					return err
				}
				all = all.With(&build.Report{Platform: part.Platform.String(), Images: rows}, functions)
			}
			all.Seconds = time.Since(start).Seconds()
			return a.printBuild(cmd, all, out)
		},
	}
	f.addOnly(cmd)
	f.addPlatform(cmd)
	of.add(cmd)
	addOut(cmd, &out)
	cmd.Flags().StringVar(&binaries, "binaries", "", "`FOLDER` that bin/ci binaries wrote (default: compile the functions now)")
	cmd.Flags().StringSliceVar((*[]string)(&baseDir), "base-layout", nil, "image layout (a `FOLDER`) that bin/ci base wrote; for functions of several architectures amd64=FOLDER,arm64=FOLDER")
	cmd.Flags().StringSliceVar((*[]string)(&ffmpegLayer), "ffmpeg-layer", nil, "`FILE` that bin/ci ffmpeg-layer wrote (for heavy images), or amd64=FILE,arm64=FILE")
	return cmd
}

// perArchitecture are paths, each as PATH or ARCHITECTURE=PATH.
type perArchitecture []string

// of is the path for an architecture; "" if there is none.
func (p perArchitecture) of(architecture string) string {
	plain := ""
	for _, value := range p {
		if path, ok := strings.CutPrefix(value, architecture+"="); ok {
			return path
		}
		if !strings.HasPrefix(value, "amd64=") && !strings.HasPrefix(value, "arm64=") {
			plain = value
		}
	}
	return plain
}

// inputs reads the parts of images of one platform, and compiles their functions.
func inputs(ctx context.Context, b build.Part, baseDir, ffmpegLayer, binaries string) (build.Inputs, error) {
	in := build.Inputs{BaseReused: true, FFmpegReused: true}
	if baseDir == "" {
		return in, usageError{fmt.Errorf("--base-layout: no base for %s; pass %[1]s=FOLDER", b.Platform.Architecture)}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() (err error) {
		in.Base, err = base.Read(baseDir, b.Cache)
		return err
	})
	g.Go(func() error {
		if ffmpegLayer == "" {
			return nil
		}
		l, err := layer.Import(b.Cache, ffmpegLayer)
		in.FFmpeg = &l
		return err
	})
	g.Go(func() (err error) {
		in.Binaries, err = compiled(ctx, b.Builder, b.Functions, binaries)
		return err
	})
	return in, g.Wait()
}

// compiled returns the binaries in dir, or compiles the functions if it is empty.
func compiled(ctx context.Context, b *build.Builder, functions []catalog.Function, dir string) ([]gobuild.Result, error) {
	if dir == "" {
		return b.Binaries(ctx, functions)
	}
	results := make([]gobuild.Result, len(functions))
	for i, f := range functions {
		results[i].Binary, results[i].Err = gobuild.Open(dir, f)
	}
	return results, nil
}
