//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// platform is the platform that all subjects build for.
var platform = v1.Platform{OS: "linux", Architecture: "amd64"}

// bareGo is one `go build` with the tool's flags, into a folder that is kept. It is the
// lower limit for all others, since it makes binaries and no images.
type bareGo struct {
	name string
	// only is the folder of the one function to build; empty for all.
	only string
}

func (g bareGo) Name() string { return g.name }

func (bareGo) Prepare(context.Context, string) error { return nil }

func (g bareGo) Build(ctx context.Context, w *catalog.Catalog, state string) error {
	functions := slices.Clone(w.Functions)
	if g.only != "" {
		functions = slices.DeleteFunc(functions, func(f catalog.Function) bool { return f.Folder != g.only })
	}
	if len(functions) == 0 {
		return fmt.Errorf("the workspace has no %s", g.only)
	}
	out := filepath.Join(state, "out")
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	cmd, err := gobuild.Command(ctx, w, functions, platform, out)
	if err != nil {
		return err
	}
	cmd.Env = append(cmd.Env, goCache(state))
	return runCommand(cmd)
}
