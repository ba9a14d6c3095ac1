package main

import (
	"errors"
	"io"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/workspace/lock"
)

func newLock(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "lock",
		Short: "Refresh the digests in " + lock.File,
		Long: `Refresh the digests in ` + lock.File + `.

The digest of each image's tag is read from its registry, the integrity of each npm
package from npm. An entry that cannot be read keeps its digest, the reason is printed
and the exit code is 1. To use another version, edit the reference and run this.`,
		Example: "  bin/ci lock\n  bin/ci lock --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.catalog()
			if err != nil {
				return err
			}
			l, err := lock.Load(c.Root)
			if err != nil {
				return err
			}
			rows := pin.Refresh(cmd.Context(), l)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if err := l.Save(c.Root); err != nil {
				return err
			}
			err = a.print(cmd, rows, func(w io.Writer) error { return pin.Table(w, rows) })
			for _, r := range rows {
				if r.Error != "" {
					err = errors.Join(err, errors.New(r.Error))
				}
			}
			return err
		},
	}
}
