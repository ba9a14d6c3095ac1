package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/workspace/lock"
)

func newLock(a *app) *cobra.Command {
	var mirror mirrorFlags
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Refresh the digests in " + lock.File,
		Long: `Refresh the digests in ` + lock.File + `.

The digest of each image's tag is read from its registry, the integrity of each npm
package from npm, and what changed is printed: size, layers, the day an image was made.
An entry that cannot be read keeps its digest, the reason is printed and the exit code
is 1. To use another version, edit the reference and run this. A workspace without the
file gets one. The ARG lines of the Dockerfiles in ci/docker get the same images.`,
		Example: "  bin/ci lock\n  bin/ci lock --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.catalog()
			if err != nil {
				return err
			}
			l, err := lock.Load(c.Root)
			if errors.Is(err, lock.ErrMissing) {
				l, err = lock.New(c.Toolchain), nil
			}
			if err != nil {
				return err
			}
			mirrors, err := mirror.beside(l)
			if err != nil {
				return err
			}
			rows := pin.Refresh(cmd.Context(), l, mirrors, time.Now())
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if err := l.Save(c.Root); err != nil {
				return err
			}
			changed, err := pin.Dockerfiles(c.Root, l)
			if err != nil {
				return err
			}
			for _, name := range changed {
				fmt.Fprintln(cmd.ErrOrStderr(), "ci: "+name+" names the images of "+lock.File+" now")
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
	mirror.add(cmd)
	return cmd
}
