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
	for n, l := range s.Manifest.Layers {
		c, ok := r.read[l.Digest]
		if !ok {
			var err error
			if c, err = readLayer(ctx, s, n); err != nil {
				return nil, fmt.Errorf("layer %s: %w", l.Digest, err)
			}
			if r.read == nil {
				r.read = map[v1.Hash]Content{}
			}
			r.read[l.Digest] = c
		}
		layers[n] = c
	}
	return Flatten(layers), nil
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
