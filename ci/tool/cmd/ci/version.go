package main

import (
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/cache"
)

// The linker sets these in a program of a release: see internal/distribution.
var (
	released  string // the version, such as v1.2.3
	builtFrom string // the commit
	address   string // of the repository that has the release
)

// versionResult identifies the program.
type versionResult struct {
	// Release is the version of a released program, SHA256 the checksum of its file, and
	// Documents are the files of the release that tell of it: checksums, SBOM, provenance.
	Release   string   `json:"release,omitempty"`
	SHA256    string   `json:"sha256,omitempty"`
	Documents []string `json:"documents,omitempty"`
	// Commit is the one that the program was built from; empty when it was built
	// outside of a git checkout.
	Commit   string `json:"commit,omitempty"`
	Modified bool   `json:"modified,omitempty"` // built with uncommitted changes
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func newVersion(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the commit, Go version and platform of this program",
		Long: `Print the commit, Go version and platform of this program.

A program of a release prints also its version, the checksum of its file, and where the
checksums, the SBOM and the provenance of the release are.`,
		Example: "  bin/ci version\n  bin/ci version --json",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v, err := readVersion()
			if err != nil {
				return err
			}
			return a.print(cmd, v, v.print)
		},
	}
}

func readVersion() (v versionResult, err error) {
	v = versionResult{Release: released, Commit: builtFrom, Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if released != "" {
		if v.SHA256, err = cache.Checksum(); err != nil {
			return v, err
		}
		for _, name := range []string{"SHA256SUMS", "ci-" + runtime.GOOS + "-" + runtime.GOARCH + ".cdx.json", "ci.provenance.json"} {
			v.Documents = append(v.Documents, address+"/releases/download/"+released+"/"+name)
		}
		return v, nil
	}
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
	return v, nil
}

func (v versionResult) print(w io.Writer) error {
	commit := v.Commit
	switch {
	case commit == "":
		commit = "(unknown: not built in a git checkout)"
	case v.Modified:
		commit += " with uncommitted changes"
	}
	if v.Release != "" {
		fmt.Fprintln(w, "release", v.Release)
	}
	_, err := fmt.Fprintf(w, "commit %s\n%s\n%s\n", commit, v.Go, v.Platform)
	if v.Release != "" {
		fmt.Fprintln(w, "sha256", v.SHA256)
	}
	for _, d := range v.Documents {
		fmt.Fprintln(w, d)
	}
	return err
}
