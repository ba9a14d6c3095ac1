package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/base"
	"lambdas.internal/ci/tool/image/pin"
)

func newBase(a *app) *cobra.Command {
	var f buildFlags
	var out string
	var noFallback bool
	cmd := &cobra.Command{
		Use:     "base",
		Short:   "Write the base image as an OCI image layout",
		Example: "  bin/ci base --out base\n  bin/ci base --base public.ecr.aws/lambda/provided:al2023 --out base",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := a.onePlatform(cmd, &f)
			if err != nil {
				return err
			}
			made, _, from, err := b.Base(cmd.Context())
			if err != nil {
				return err
			}
			if noFallback && from.Reason != "" {
				return fmt.Errorf("choose the base: no registry can be reached: %s", from.Reason)
			}
			warn(cmd, b.Warnings(from, pin.Choice{}))
			return base.Write(out, b.Cache, made)
		},
	}
	f.addOnePlatform(cmd)
	f.addBase(cmd)
	cmd.Flags().BoolVar(&noFallback, "no-fallback", false, "fail if no registry can be reached, instead of taking the static base")
	required(cmd, &out, "out", "folder for the image layout")
	return cmd
}

func warn(cmd *cobra.Command, warnings []string) {
	for _, w := range warnings {
		fmt.Fprintln(cmd.ErrOrStderr(), "ci: warning: "+w)
	}
}
