package build

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/ffmpeg"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Native are functions that are compiled for this machine. They are not images: they have
// the files of this machine around them.
type Native struct {
	root     string
	binaries map[string]string // by image
	programs map[string]string // ffmpeg and ffprobe, by their path in an image
}

// Native compiles the functions for the platform of the builder, which is that of this machine.
func (b *Builder) Native(ctx context.Context, functions []catalog.Function) (*Native, error) {
	n := &Native{root: b.Catalog.Root, binaries: map[string]string{}}
	made, err := b.Binaries(ctx, functions)
	if err != nil {
		return nil, err
	}
	for i, f := range functions {
		if made[i].Err != nil {
			return nil, made[i].Err
		}
		n.binaries[f.Image] = made[i].Binary.Path
	}
	if !anyHeavy(functions) {
		return n, nil
	}
	ctx, done := b.Step(ctx, "ffmpeg for "+b.Platform.String())
	defer func() { done(err) }()
	locked := lock.Default(b.Catalog.Toolchain).Static // a workspace may have no entry for this machine
	maps.Copy(locked, b.Lock.Static)
	n.programs, err = ffmpeg.Programs(ctx, b.Cache, locked, b.Platform)
	return n, err
}

// Lay puts the files of a function below root, where its image has them.
func (n *Native) Lay(f catalog.Function, root string) error {
	files := map[string]string{image.BootstrapPath: n.binaries[f.Image]}
	if f.Variant == catalog.Heavy {
		maps.Copy(files, n.programs)
	}
	sources, err := Files(n.root, f)
	if err != nil {
		return err
	}
	for to, from := range sources {
		files[path.Join(image.TaskRoot, to)] = filepath.Join(n.root, filepath.FromSlash(from))
	}
	for to, from := range files {
		if err := cache.Copy(from, filepath.Join(root, filepath.FromSlash(to))); err != nil {
			return fmt.Errorf("lay out %s: %w", f.Image, err)
		}
	}
	return os.MkdirAll(filepath.Join(root, image.TaskRoot), 0o755)
}
