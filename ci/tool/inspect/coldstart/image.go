package coldstart

import (
	"context"
	"errors"
	"fmt"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/inspect/sizediff"
)

// Reader reads what images hold. A layer that several images have is read once.
type Reader struct{ read map[v1.Hash]Content }

// Files returns the files of an image.
func (r *Reader) Files(ctx context.Context, s *sizediff.Source) (Files, error) {
	layers := make([]Content, len(s.Manifest.Layers))
	for n := range s.Manifest.Layers {
		var err error
		if layers[n], err = r.layer(ctx, s, n); err != nil {
			return nil, err
		}
	}
	return Flatten(layers), nil
}

func (r *Reader) layer(ctx context.Context, s *sizediff.Source, n int) (Content, error) {
	digest := s.Manifest.Layers[n].Digest
	c, ok := r.read[digest]
	if ok {
		return c, nil
	}
	c, err := readLayer(ctx, s, n)
	if err != nil {
		return Content{}, fmt.Errorf("layer %s: %w", digest, err)
	}
	if r.read == nil {
		r.read = map[v1.Hash]Content{}
	}
	r.read[digest] = c
	return c, nil
}

// New returns for each image after how many of its blocks no image had before. Layers that
// both sides have are not read.
func (r *Reader) New(ctx context.Context, before, after map[string]*sizediff.Source) (map[string]int, error) {
	old, now := layers(before), layers(after)
	known := Set{}
	for name, s := range before {
		if err := r.add(ctx, known, name, s, now); err != nil {
			return nil, err
		}
	}
	counts := map[string]int{}
	for name, s := range after {
		blocks := Set{}
		if err := r.add(ctx, blocks, name, s, old); err != nil {
			return nil, err
		}
		counts[name] = known.Missing(blocks)
	}
	return counts, nil
}

// add adds the blocks of an image's layers that the other side does not have.
func (r *Reader) add(ctx context.Context, all Set, name string, s *sizediff.Source, other map[v1.Hash]bool) error {
	for n, l := range s.Manifest.Layers {
		if other[l.Digest] {
			continue
		}
		c, err := r.layer(ctx, s, n)
		if err != nil {
			return fmt.Errorf("count the new blocks of %s: %w", name, err)
		}
		for _, body := range c.files {
			for _, b := range body.Blocks {
				all[b] = true
			}
		}
	}
	return nil
}

func layers(images map[string]*sizediff.Source) map[v1.Hash]bool {
	all := map[v1.Hash]bool{}
	for _, s := range images {
		for _, l := range s.Manifest.Layers {
			all[l.Digest] = true
		}
	}
	return all
}

func readLayer(ctx context.Context, s *sizediff.Source, n int) (_ Content, err error) {
	content, err := s.Layer(ctx, n)
	if err != nil {
		return Content{}, err
	}
	defer func() { err = errors.Join(err, content.Close()) }()
	return ReadLayer(ctx, content)
}

// Known returns the blocks of all images of an earlier release.
func (r *Reader) Known(ctx context.Context, images map[string]*sizediff.Source) (Set, error) {
	all := Set{}
	for name, s := range images {
		files, err := r.Files(ctx, s)
		if err != nil {
			return nil, fmt.Errorf("read image %s: %w", name, err)
		}
		for b := range files.Blocks(allLayers) {
			all[b] = true
		}
	}
	return all, nil
}

// ProgramAlone returns the files of an image that holds nothing but a function's program.
func ProgramAlone(program string) (Files, error) {
	f, err := os.Open(program)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	body, err := cut(f)
	return Files{image.BootstrapPath: {Body: body}}, err
}
