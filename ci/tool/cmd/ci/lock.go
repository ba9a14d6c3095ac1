package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/npm"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/lock"
)

// locked is what became of one entry of the lock file.
type locked struct {
	Name      string `json:"name"`
	Reference string `json:"reference"`
	Before    string `json:"before,omitempty"`
	Now       string `json:"now,omitempty"`
	Error     string `json:"error,omitempty"`
}

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
			rows := refresh(cmd.Context(), l)
			if err := cmd.Context().Err(); err != nil {
				return err
			}
			if err := l.Save(c.Root); err != nil {
				return err
			}
			err = a.print(cmd, rows, func(w io.Writer) error { return printLocked(w, rows) })
			for _, r := range rows {
				if r.Error != "" {
					err = errors.Join(err, errors.New(r.Error))
				}
			}
			return err
		},
	}
}

// refresh asks for every digest anew and puts it into l.
func refresh(ctx context.Context, l *lock.Lock) []locked {
	var rows []locked
	images := l.Images()
	for _, name := range slices.Sorted(maps.Keys(images)) {
		i := images[name]
		row := locked{Name: name, Reference: i.Reference, Before: i.Digest}
		digest, err := registry.Digest(ctx, i.Reference)
		if err != nil {
			row.Error = fmt.Sprintf("%s: %v", name, err)
			if i.Digest == "" {
				i.Unresolved = "no registry answered when this file was made; run `bin/ci lock` where one is in reach"
			}
		} else {
			i.Digest, i.Unresolved = digest.String(), ""
		}
		row.Now = i.Digest
		rows = append(rows, row)
	}
	for _, arch := range slices.Sorted(maps.Keys(l.Static)) {
		static := l.Static[arch]
		for _, p := range []*lock.Package{&static.FFmpeg, &static.FFprobe} {
			row := locked{Name: "static " + arch, Reference: p.Name + "@" + p.Version, Before: p.Integrity}
			if integrity, err := npm.Integrity(ctx, p.Name, p.Version); err != nil {
				row.Error = fmt.Sprintf("%s: %v", row.Name, err)
			} else {
				p.Integrity = integrity
			}
			row.Now = p.Integrity
			rows = append(rows, row)
		}
		l.Static[arch] = static
	}
	return rows
}

func printLocked(w io.Writer, rows []locked) error {
	var cells [][]string
	for _, r := range rows {
		state := "as before"
		switch {
		case r.Now == "":
			state = "unresolved"
		case r.Error != "":
			state = "not refreshed"
		case r.Now != r.Before:
			state = "changed"
		}
		cells = append(cells, []string{r.Name, r.Reference, state, r.Now})
	}
	return report.Table(w, []string{"NAME", "REFERENCE", "STATE", "DIGEST"}, cells)
}
