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

Each image's tag is asked for its digest now, each npm package for its integrity.
An entry that cannot be resolved keeps the digest it has and says why, and the
exit code is 1. To move to another version, edit the reference and run this.`,
		Example: "  ci lock\n  ci lock --json",
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
