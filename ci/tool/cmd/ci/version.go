package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionResult identifies the program.
type versionResult struct {
	// Commit is the one that the program was built from; empty when it was built
	// outside of a git checkout.
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built with uncommitted changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:     "version",
		Short:   "Print the commit, Go version and platform of this program",
		Example: "  bin/ci version\n  bin/ci version --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := versionResult{Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
			if info, ok := debug.ReadBuildInfo(); ok {
				for _, s := range info.Settings {
					switch s.Key {
					case "vcs.revision":
						v.Commit = s.Value
					case "vcs.modified":
						v.Modified = s.Value == "true"
					}
				}
			}
			return a.print(cmd, v, func(w io.Writer) error {
				commit := v.Commit
				switch {
				case commit == "":
					commit = "(unknown: not built in a git checkout)"
				case v.Modified:
					commit += " with uncommitted changes"
				}
				_, err := fmt.Fprintf(w, "commit %s\n%s\n%s\n", commit, v.Go, v.Platform)
				return err
			})
		},
	}
}
