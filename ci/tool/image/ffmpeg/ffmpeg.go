// Package ffmpeg makes the image layer with static builds of ffmpeg and ffprobe and
// their licences. The layer has the same bytes in every heavy image.
package ffmpeg

import (
	"archive/tar"
	"bufio"
	"context"
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/image/npm"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Cached tells whether the cache has the layer that is made from the chosen image.
func Cached(c *cache.Cache, choice pin.Choice, platform v1.Platform) bool {
	_, ok := layer.Kept(c, imageKey(choice, platform))
	return ok
}

// Known returns the layers in the cache that are made from what the lock file pins: the
// image, or the npm packages.
func Known(c *cache.Cache, l *lock.Lock, platform v1.Platform) []image.FFmpeg {
	var all []image.FFmpeg
	add := func(key string, p image.Pin) {
		if l, ok := layer.Kept(c, key); ok {
			all = append(all, image.FFmpeg{Layer: l, Pin: p})
		}
	}
	if digest, err := v1.NewHash(l.FFmpeg.Digest); err == nil {
		add(imageKey(pin.Choice{Name: l.FFmpeg.Reference, Digest: digest}, platform), image.Pinned)
	}
	if static, ok := l.Static[platform.Architecture]; ok {
		key, _ := npmKey(static, platform)
		add(key, image.Offline)
	}
	return all
}

// Get returns the layer for the platform, made from the chosen image, or from the npm
// packages in the lock file if no registry is used. reused tells that it was in the
// cache.
func Get(ctx context.Context, c *cache.Cache, choice pin.Choice, locked map[string]lock.Static, platform v1.Platform) (l layer.Layer, reused bool, err error) {
	if choice.Pin == image.Offline {
		l, reused, err = fromNPM(ctx, c, locked, platform)
	} else {
		l, reused, err = fromImage(ctx, c, choice, platform)
	}
	if err != nil {
		return layer.Layer{}, false, fmt.Errorf("get ffmpeg: %w", err)
	}
	return l, reused, nil
}

func imageKey(choice pin.Choice, platform v1.Platform) string {
	return key(comment(choice), platform)
}

// key returns the content key of a layer: the programs, which comment and parts
// identify, and the licence files.
func key(comment string, platform v1.Platform, parts ...string) string {
	all := append([]string{"ffmpeg", comment, platform.String()}, parts...)
	texts := licence.Texts()
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		all = append(all, name, texts[name])
	}
	return cache.Key(all...)
}

// comment says where the programs come from. Its digest can be compared with the lock
// file.
func comment(choice pin.Choice) string { return choice.Name + "@" + choice.Digest.String() }

// programs are the paths of the programs in the image.
var programs = map[string]string{"ffmpeg": image.FFmpegPath, "ffprobe": image.FFprobePath}

// npmKey returns the content key of the layer from npm packages, and its comment.
func npmKey(static lock.Static, platform v1.Platform) (contentKey, comment string) {
	comment = fmt.Sprintf("npm %s@%s, %s@%s",
		static.FFmpeg.Name, static.FFmpeg.Version, static.FFprobe.Name, static.FFprobe.Version)
	return key(comment, platform, static.FFmpeg.Integrity, static.FFprobe.Integrity), comment
}

// fromNPM makes the layer from the npm packages with a static build.
func fromNPM(ctx context.Context, c *cache.Cache, locked map[string]lock.Static, platform v1.Platform) (layer.Layer, bool, error) {
	static, ok := locked[platform.Architecture]
	if !ok {
		return layer.Layer{}, false, fmt.Errorf("%s has no static build for %s", lock.File, platform)
	}
	key, comment := npmKey(static, platform)
	return keep(ctx, c, key, comment, platform, func(dir string) error { return unpackNPM(ctx, c, static, dir) })
}

// unpackNPM writes the programs of the npm packages to a folder.
func unpackNPM(ctx context.Context, c *cache.Cache, static lock.Static, dir string) error {
	for program, p := range map[string]lock.Package{"ffmpeg": static.FFmpeg, "ffprobe": static.FFprobe} {
		tarball, err := npm.Fetch(ctx, p, c.Path("npm"))
		if err != nil {
			return err
		}
		r, err := npm.Open(ctx, tarball, program)
		if err != nil {
			return err
		}
		if err := errors.Join(write(filepath.Join(dir, program), r), r.Close()); err != nil {
			return err
		}
	}
	return nil
}

// Programs returns ffmpeg and ffprobe for a platform that need not be Linux, from the npm
// packages in the lock file: where they are on this machine, by their paths in an image.
func Programs(ctx context.Context, c *cache.Cache, locked map[string]lock.Static, platform v1.Platform) (map[string]string, error) {
	name := platform.Architecture
	if platform.OS != "linux" {
		name = platform.OS + "-" + name
	}
	static, ok := locked[name]
	if !ok {
		return nil, fmt.Errorf("get ffmpeg: %s has no static build for %s", lock.File, name)
	}
	key, _ := npmKey(static, platform)
	dir := c.Path("npm", key[:16])
	found := map[string]string{}
	for program, at := range programs {
		found[at] = filepath.Join(dir, program)
	}
	if _, err := os.Stat(dir); err == nil {
		return found, nil
	}
	if err := unpackPrograms(ctx, c, static, dir); err != nil {
		return nil, fmt.Errorf("get ffmpeg: %w", err)
	}
	return found, nil
}

// unpackPrograms makes dir the folder with the programs, in one step.
func unpackPrograms(ctx context.Context, c *cache.Cache, static lock.Static, dir string) error {
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	temporary, err := os.MkdirTemp(filepath.Dir(dir), ".ffmpeg-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temporary)
	if err := unpackNPM(ctx, c, static, temporary); err != nil {
		return err
	}
	for program := range programs {
		if err := os.Chmod(filepath.Join(temporary, program), 0o755); err != nil {
			return err
		}
	}
	err = os.Rename(temporary, dir)
	if _, there := os.Stat(dir); there == nil { // another run was faster
		return nil
	}
	return err
}

// fromImage makes the layer from the programs in an image.
func fromImage(ctx context.Context, c *cache.Cache, choice pin.Choice, platform v1.Platform) (layer.Layer, bool, error) {
	return keep(ctx, c, imageKey(choice, platform), comment(choice), platform, func(dir string) error {
		img, err := registry.Image(ctx, choice.Reference, choice.Digest, platform)
		if err != nil {
			return err
		}
		registry.Expect(ctx, img, func(v1.Hash, int64) bool { return false })
		if img, err = limit.Image(ctx, img, limit.Tools); err != nil {
			return fmt.Errorf("read the image %s: %w", choice.Reference, err)
		}
		files := mutate.Extract(img)
		defer files.Close()
		for tr := tar.NewReader(files); ; {
			h, err := tr.Next()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read the image %s: %w", choice.Reference, err)
			}
			if h.Typeflag != tar.TypeReg {
				continue
			}
			if path.Clean("/"+h.Name) == "/"+licence.Versions {
				if err := write(filepath.Join(dir, licence.Versions), tr); err != nil {
					return err
				}
			}
			program := path.Base(h.Name)
			if _, ok := programs[program]; !ok {
				continue
			}
			content := bufio.NewReader(tr)
			magic, err := content.Peek(len(elf.ELFMAG))
			if err != nil && !errors.Is(err, io.EOF) {
				return fmt.Errorf("read the image %s: %w", choice.Reference, err)
			}
			if string(magic) != elf.ELFMAG {
				continue // a completion script, a licence
			}
			if err := write(filepath.Join(dir, program), content); err != nil {
				return err
			}
		}
	})
}

// keep makes the layer of the programs that extract writes to a folder and of the
// licence files, unless the cache has it under key.
func keep(ctx context.Context, c *cache.Cache, key, comment string, platform v1.Platform, extract func(dir string) error) (layer.Layer, bool, error) {
	dir := ""
	defer func() { os.RemoveAll(dir) }() // an empty name removes nothing
	return layer.KeepAs(c, key, comment, func() (files []layer.File, err error) {
		if dir, err = os.MkdirTemp(c.Path(), ".ffmpeg-*"); err != nil {
			return nil, err
		}
		if err := extract(dir); err != nil {
			return nil, err
		}
		report.Doing(ctx, "compress the programs")
		for program, at := range programs {
			name := filepath.Join(dir, program)
			if err := check(name, platform); err != nil {
				return nil, fmt.Errorf("%s from %s: %w", program, comment, err)
			}
			f, err := layer.Local(at, 0o755, name)
			if err != nil {
				return nil, err
			}
			files = append(files, f)
		}
		if f, err := layer.Local(path.Join(licence.Dir, licence.Versions), 0o644, filepath.Join(dir, licence.Versions)); err == nil {
			files = append(files, f)
		} else if !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		return append(files, licence.Files(comment)...), nil
	})
}

func write(name string, r io.Reader) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}

// check fails unless the file is a static program for the platform.
func check(file string, platform v1.Platform) error {
	f, err := elf.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return errors.New("is missing")
	}
	if err != nil {
		return fmt.Errorf("read the program: %w", err)
	}
	defer f.Close()
	machine := map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64}[platform.Architecture]
	if f.Machine != machine {
		return fmt.Errorf("is built for %s, not for %s", f.Machine, platform)
	}
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("is linked dynamically; the image has no libraries for it")
		}
	}
	return nil
}
