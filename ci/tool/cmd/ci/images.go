package main

import (
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/base"
	"lambdas.internal/ci/tool/build"
	"lambdas.internal/ci/tool/gobuild"
	"lambdas.internal/ci/tool/layer"
)

func newImages(a *app) *cobra.Command {
	var f buildFlags
	var out, binaries, baseDir, ffmpegLayer string
	cmd := &cobra.Command{
		Use:   "images",
		Short: "Assemble images from binaries, a base and a layer",
		Example: `  ci binaries --out binaries
  ci base --out base
  ci ffmpeg-layer --out ffmpeg.tar.gz
  ci images --binaries binaries --base-layout base --ffmpeg-layer ffmpeg.tar.gz`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			start := time.Now()
			b, err := a.builder(cmd, &f)
			if err != nil {
				return err
			}
			functions, err := b.Catalog.Select(f.only)
			if err != nil {
				return usageError{err}
			}
			in := build.Inputs{BaseReused: true, FFmpegReused: true}
			if in.Base, err = base.Read(baseDir, b.Cache); err != nil {
				return err
			}
			if ffmpegLayer != "" {
				l, err := layer.Import(b.Cache, ffmpegLayer)
				if err != nil {
					return err
				}
				in.FFmpeg = &l
			}
			for _, f := range functions {
				var r gobuild.Result
				r.Binary, r.Err = gobuild.Open(binaries, f)
				in.Binaries = append(in.Binaries, r)
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
	f.addPlatform(cmd)
	addOut(cmd, &out)
	required(cmd, &binaries, "binaries", "folder that `ci binaries` wrote")
	required(cmd, &baseDir, "base-layout", "image layout that `ci base` wrote")
	cmd.Flags().StringVar(&ffmpegLayer, "ffmpeg-layer", "", "file that `ci ffmpeg-layer` wrote (for heavy images)")
	return cmd
}
