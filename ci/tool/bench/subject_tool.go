//go:build unix

package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// tool is this repository's program, with the static base and the ffmpeg from the npm
// registry, so that it needs no image registry.
type tool struct {
	name   string
	binary string
	// seed is a cache of the tool; a cold build starts with these parts of it.
	seed  string
	parts []string
}

// downloads is the part of the tool's cache with downloads; layers are the parts that also
// have the finished layers of base and ffmpeg.
var (
	downloads = []string{"npm"}
	layers    = []string{"npm", "blobs", "records"}
)

func (t tool) Name() string { return t.name }

func (t tool) Prepare(_ context.Context, state string) error {
	for _, part := range t.parts {
		from := filepath.Join(t.seed, part)
		err := filepath.WalkDir(from, func(name string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			rel, err := filepath.Rel(t.seed, name)
			if err != nil {
				return err
			}
			return cache.LinkOrCopy(name, filepath.Join(state, "cache", rel))
		})
		if err != nil {
			return fmt.Errorf("prepare %s: %w", t.name, err)
		}
	}
	return nil
}

func (t tool) Build(ctx context.Context, w *catalog.Catalog, state string) error {
	cmd := t.command(ctx, w, filepath.Join(state, "cache"), "build-all",
		"--platform", platform.String(), "--base", "static", "--ffmpeg", "static",
		"--out", filepath.Join(state, "dist"))
	cmd.Env = append(os.Environ(), goCache(state))
	return runCommand(cmd)
}

// command returns a command of the tool for the workspace.
func (t tool) command(ctx context.Context, w *catalog.Catalog, cacheDir string, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, t.binary, append(args, "--root", w.Root, "--cache", cacheDir)...)
}

// fillSeed downloads what images need besides the functions, and makes the layers.
func (t tool) fillSeed(ctx context.Context, w *catalog.Catalog, scratch string) error {
	if err := runCommand(t.command(ctx, w, t.seed, "base", "--base", "static", "--out", filepath.Join(scratch, "base"))); err != nil {
		return err
	}
	return runCommand(t.command(ctx, w, t.seed, "ffmpeg-layer", "--ffmpeg", "static", "--out", filepath.Join(scratch, "ffmpeg.tar.gz")))
}
