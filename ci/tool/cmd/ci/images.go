package main

import (
	"context"
	"path/filepath"
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
	var out, binaries, baseDir, ffmpegLayer string
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
			if err := of.check(cmd, baseDir); err != nil {
				return err
			}
			if of.published {
				of.only = f.only
				return of.read(cmd.Context(), a, cmd)
			}
			start := time.Now()
			b, err := a.onePlatform(cmd, &f)
			if err != nil {
				return err
			}
			functions, err := b.Catalog.Select(f.only)
			if err != nil {
				return err
			}
			in := build.Inputs{BaseReused: true, FFmpegReused: true}
			g, ctx := errgroup.WithContext(cmd.Context())
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
				in.Binaries, err = compiled(ctx, b, functions, binaries)
				return err
			})
			if err := g.Wait(); err != nil {
				return err
			}
			if out == "" {
				out = filepath.Join(b.Catalog.Root, "dist")
			}
			rows, err := b.Assemble(cmd.Context(), functions, in, out)
			if err != nil {
				return err
			}
			return a.printBuild(cmd, &build.Report{
				Platform: b.Platform.String(), Images: rows, Seconds: time.Since(start).Seconds(),
			}, out)
		},
	}
	f.addOnly(cmd)
	f.addOnePlatform(cmd)
	of.add(cmd)
	addOut(cmd, &out)
	cmd.Flags().StringVar(&binaries, "binaries", "", "`FOLDER` that bin/ci binaries wrote (default: compile the functions now)")
	cmd.Flags().StringVar(&baseDir, "base-layout", "", "image layout (a `FOLDER`) that bin/ci base wrote")
	cmd.Flags().StringVar(&ffmpegLayer, "ffmpeg-layer", "", "`FILE` that bin/ci ffmpeg-layer wrote (for heavy images)")
	return cmd
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
