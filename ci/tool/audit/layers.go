package audit

import (
	"archive/tar"
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/registry/limit"
)

// programs are the files whose path and mode the gates check: the bootstrap, then those
// of ffmpeg.
var programs = []string{image.BootstrapPath, image.FFmpegPath, image.FFprobePath}

// extensionsDir is the folder from which Lambda starts extensions.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-extensions.html
const extensionsDir = "opt/extensions"

// FileFacts are the facts about a file in a layer.
type FileFacts struct {
	Mode    int64 `json:"mode"` // permission bits
	Size    int64 `json:"size"` // in bytes
	Regular bool  `json:"regular"`
	// SHA256 is the digest of the content, in hex, only for files in [licence.Dir].
	SHA256 string `json:"sha256,omitempty"`
}

// LayerFacts are the facts about a layer that the gates need.
type LayerFacts struct {
	// Digest and DiffID are computed from the bytes.
	Digest v1.Hash `json:"digest"`
	DiffID v1.Hash `json:"diffID"`
	// Problem says why the layer could not be read as a gzip-compressed tar.
	Problem string `json:"problem,omitempty"`
	// Size is the size of all files, in bytes; Entries is the number of entries.
	Size    int64 `json:"size"`
	Entries int   `json:"entries"`
	// HardLinks are entries that are hard links; Orphans are entries whose folder has no
	// entry.
	HardLinks []string `json:"hardLinks,omitempty"`
	Orphans   []string `json:"orphans,omitempty"`
	// Files are the programs in the layer, the extensions, and the files in [licence.Dir].
	Files map[string]FileFacts `json:"files,omitempty"`
}

// ReadLayer returns the facts about a compressed layer. A bad format is a fact, in
// Problem, and so is that it unpacks to more than most bytes; the error means that r could
// not be read, or that the context ended.
func ReadLayer(ctx context.Context, r io.Reader, most int64) (LayerFacts, error) {
	l := LayerFacts{Files: map[string]FileFacts{}}
	stored, unpacked := sha256.New(), sha256.New()
	source := bufio.NewReader(io.TeeReader(&faultReader{r: r}, stored))
	zr, err := gzip.NewReader(source)
	if err == nil {
		content := io.TeeReader(limit.Reader(ctx, zr, most), unpacked)
		if err = l.entries(content); err == nil {
			// The tar reader stops before the padding at the end.
			_, err = io.Copy(io.Discard, content)
		}
	}
	var fault readFault
	if errors.As(err, &fault) {
		return LayerFacts{}, fault.error
	}
	if ctx.Err() != nil {
		return LayerFacts{}, context.Cause(ctx)
	}
	if err != nil {
		l.Problem = err.Error()
	}
	if _, err := io.Copy(io.Discard, source); err != nil {
		return LayerFacts{}, err
	}
	l.Digest = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(stored.Sum(nil))}
	l.DiffID = v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(unpacked.Sum(nil))}
	return l, nil
}

func (l *LayerFacts) entries(r io.Reader) error {
	folders := map[string]bool{".": true, "/": true}
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not a gzip-compressed tar: %w", err)
		}
		name := strings.TrimPrefix(path.Clean("/"+h.Name), "/")
		l.Entries++
		l.Size += h.Size
		if h.Typeflag == tar.TypeDir {
			folders[name] = true
		}
		if h.Typeflag == tar.TypeLink {
			l.HardLinks = append(l.HardLinks, name)
		}
		if !folders[path.Dir(name)] && name != "" {
			l.Orphans = append(l.Orphans, name)
		}
		facts := FileFacts{Mode: h.Mode & 0o777, Size: h.Size, Regular: h.Typeflag == tar.TypeReg}
		switch {
		case slices.Contains(programs, name), path.Dir(name) == extensionsDir:
			l.Files[name] = facts
		case path.Dir(name) == licence.Dir:
			content := sha256.New()
			if _, err := io.Copy(content, tr); err != nil {
				return fmt.Errorf("not a gzip-compressed tar: %w", err)
			}
			facts.SHA256 = hex.EncodeToString(content.Sum(nil))
			l.Files[name] = facts
		}
	}
}

// readFault is an error of the reader, in contrast to an error of the format.
type readFault struct{ error }

type faultReader struct{ r io.Reader }

func (f *faultReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = readFault{err}
	}
	return n, err
}

// readLayers gathers the facts about the layers of an image.
func (a *Auditor) readLayers(ctx context.Context, i *ImageFacts, dir string) error {
	if !i.MediaType.IsImage() {
		return nil
	}
	var size int64
	for n, l := range i.Manifest.Layers {
		facts, err := a.layer(ctx, blob(dir, l.Digest), l)
		if err != nil {
			return fmt.Errorf("read layer %s: %w", l.Digest, err)
		}
		i.Layers = append(i.Layers, facts)
		if size += facts.Size; size > limit.Unpacked {
			return fmt.Errorf("the layers unpack to more than %d bytes; Lambda accepts no more", int64(limit.Unpacked))
		}
		if f, ok := facts.Files[image.BootstrapPath]; ok && f.Regular && facts.Problem == "" && n == len(i.Manifest.Layers)-1 {
			if i.Bootstrap, err = extract(blob(dir, l.Digest), image.BootstrapPath); err != nil {
				return fmt.Errorf("read the binary: %w", err)
			}
		}
	}
	return nil
}

// layer returns the facts of a layer, from the cache if it was read before.
func (a *Auditor) layer(ctx context.Context, file string, d v1.Descriptor) (LayerFacts, error) {
	facts, err, _ := a.once.Do(d.Digest.String(), func() (any, error) { return a.layerOnce(ctx, file, d) })
	l, _ := facts.(LayerFacts)
	return l, err
}

func (a *Auditor) layerOnce(ctx context.Context, file string, d v1.Descriptor) (LayerFacts, error) {
	info, err := os.Stat(file)
	if err != nil {
		return LayerFacts{}, err
	}
	key := cache.Key("layer facts 3", d.Digest.String())
	var facts LayerFacts
	if _, ok := a.cache.Load(key, &facts); ok && facts.Digest == d.Digest && info.Size() == d.Size {
		return facts, nil
	}
	f, err := os.Open(file)
	if err != nil {
		return LayerFacts{}, err
	}
	defer f.Close()
	if facts, err = ReadLayer(ctx, f, limit.Unpacked); err != nil {
		return LayerFacts{}, err
	}
	if facts.Digest != d.Digest {
		return facts, nil
	}
	return facts, a.cache.Save(key, facts)
}
