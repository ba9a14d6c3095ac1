package main

import (
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/pin"
)

func newFFmpegLayer(a *app) *cobra.Command {
	var f buildFlags
	var out string
	cmd := &cobra.Command{
		Use:     "ffmpeg-layer",
		Short:   "Write the layer with ffmpeg and ffprobe as a file",
		Example: "  bin/ci ffmpeg-layer --out ffmpeg.tar.gz\n  bin/ci ffmpeg-layer --ffmpeg static --platform linux/arm64 --out ffmpeg.tar.gz",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := a.onePlatform(cmd, &f)
			if err != nil {
				return err
			}
			made, _, from, err := b.FFmpeg(cmd.Context())
			if err != nil {
				return err
			}
			warn(cmd, b.Warnings(pin.Choice{}, from))
			return b.Cache.Export(made.Digest, out)
		},
	}
	f.addOnePlatform(cmd)
	f.addFFmpeg(cmd)
	required(cmd, &out, "out", "file for the layer")
	return cmd
}
