// Package coldstart measures what a function's image costs at its cold start: how long the
// function takes until it asks for its first event, the memory it has then, and which blocks
// of its image are read.
//
// Lambda flattens an image into blocks of 512 KiB, keeps equal ones once, and loads those that
// are read, from caches that hold what other images have too (Brooker and others, "On-demand
// Container Loading in AWS Lambda", USENIX ATC 2023). Where a file begins in the flattened
// image is not known outside of Lambda. Here each file begins a block.
package coldstart

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"maps"
	"path"
	"strings"

	"lambdas.internal/ci/tool/registry/limit"
)

// BlockSize is the size of a block in bytes.
const BlockSize = 512 << 10

// Block is the SHA-256 of the content of a block.
type Block [sha256.Size]byte

// Set is a set of blocks.
type Set map[Block]bool

// Missing returns how many of the blocks are not in the set; equal ones count once.
func (s Set) Missing(blocks Set) int {
	n := 0
	for b := range blocks {
		if !s[b] {
			n++
		}
	}
	return n
}

// File is a file of a flattened image.
type File struct {
	// Layer is the number of the layer that it comes from, from below.
	Layer int
	Body
}

// Body is the content of a file.
type Body struct {
	Bytes  int64
	Blocks []Block
}

// Files are the files of a flattened image, by path from the root folder.
type Files map[string]File

const allLayers = -1

// Blocks returns all blocks of the files of a layer, or of all.
func (f Files) Blocks(layer int) Set {
	all := Set{}
	for _, file := range f {
		if layer != allLayers && file.Layer != layer {
			continue
		}
		for _, b := range file.Blocks {
			all[b] = true
		}
	}
	return all
}

// whiteout marks what a layer removes from those below.
// https://github.com/opencontainers/image-spec/blob/v1.1.1/layer.md#whiteouts
const whiteout, opaque = ".wh.", ".wh..wh..opq"

// Flatten returns the files of an image from those of its layers, from below. Removed ones are
// left out.
func Flatten(layers []Content) Files {
	flat := Files{}
	for n, l := range layers {
		for _, name := range l.removed {
			maps.DeleteFunc(flat, func(file string, _ File) bool { return file == name || strings.HasPrefix(file, name+"/") })
		}
		for name, body := range l.files {
			flat[name] = File{n, body}
		}
	}
	return flat
}

// Content is what one layer holds.
type Content struct {
	files   map[string]Body
	removed []string // files, and folders with all in them
}

// ReadLayer reads a layer compressed with gzip.
func ReadLayer(ctx context.Context, r io.Reader) (Content, error) {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return Content{}, fmt.Errorf("read the layer: %w", err)
	}
	c := Content{files: map[string]Body{}}
	for tr := tar.NewReader(limit.Reader(ctx, zr, limit.Unpacked)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return c, nil
		}
		if err != nil {
			return Content{}, fmt.Errorf("read the layer: %w", err)
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		dir, base := path.Split(name)
		switch gone, ok := strings.CutPrefix(base, whiteout); {
		case base == opaque:
			c.removed = append(c.removed, path.Clean(dir))
		case ok:
			c.removed = append(c.removed, dir+gone)
		case h.Typeflag == tar.TypeLink:
			c.files[name] = c.files[strings.TrimPrefix(path.Clean("/"+h.Linkname), "/")]
		case h.Typeflag == tar.TypeReg:
			if c.files[name], err = cut(tr); err != nil {
				return Content{}, fmt.Errorf("read %s of the layer: %w", name, err)
			}
		}
	}
}

// cut cuts a file into blocks.
func cut(r io.Reader) (b Body, err error) {
	for {
		h := sha256.New()
		n, err := io.CopyN(h, r, BlockSize)
		if n > 0 {
			b.Bytes += n
			b.Blocks = append(b.Blocks, Block(h.Sum(nil)))
		}
		if errors.Is(err, io.EOF) {
			return b, nil
		}
		if err != nil {
			return b, err
		}
	}
}
