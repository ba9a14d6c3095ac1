package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

func newBinaries(a *app) *cobra.Command {
	var f buildFlags
	var out string
	cmd := &cobra.Command{
		Use:     "binaries",
		Short:   "Compile the functions into a folder",
		Example: "  bin/ci binaries --out binaries\n  bin/ci binaries --only api --platform linux/arm64 --out binaries",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			b, err := a.onePlatform(cmd, &f)
			if err != nil {
				return err
			}
			functions, err := b.Catalog.Select(f.only)
			if err != nil {
				return err
			}
			results, err := b.Binaries(cmd.Context(), functions)
			if err != nil {
				return err
			}
			if err := cache.OutputFolder(out); err != nil {
				return fmt.Errorf("--out: %w", err)
			}
			var errs []error
			for i, r := range results {
				if r.Err == nil {
					r.Err = gobuild.Copy(r.Binary, out, functions[i])
				}
				if r.Err == nil {
					fmt.Fprintln(cmd.OutOrStdout(), filepath.Join(out, filepath.Base(functions[i].Folder)))
				}
				errs = append(errs, r.Err)
			}
			return errors.Join(errs...)
		},
	}
	f.addOnly(cmd)
	f.addOnePlatform(cmd)
	required(cmd, &out, "out", "folder for the binaries")
	return cmd
}

// required adds a flag that must be given.
func required(cmd *cobra.Command, value *string, name, usage string) {
	cmd.Flags().StringVar(value, name, "", usage)
	if err := cmd.MarkFlagRequired(name); err != nil {
		panic(err) // the flag was added a line above
	}
}
