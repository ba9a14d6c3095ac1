package audit

import (
	"archive/tar"
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/klauspost/compress/gzip"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/licence"
)

// programs are the files whose place and mode the gates ask for: the bootstrap,
// then ffmpeg's.
var programs = []string{image.BootstrapPath, image.FFmpegPath, image.FFprobePath}

// FileFacts tells of a file in a layer.
type FileFacts struct {
	Mode    int64 `json:"mode"` // permission bits
	Size    int64 `json:"size"` // in bytes
	Regular bool  `json:"regular"`
	// SHA256 is that of the content, in hex, for files of [licence.Dir] only.
	SHA256 string `json:"sha256,omitempty"`
}

// LayerFacts is what the gates need to know of a layer.
type LayerFacts struct {
	// Digest and DiffID are those of the bytes that were read.
	Digest v1.Hash `json:"digest"`
	DiffID v1.Hash `json:"diffID"`
	// Problem says why the layer could not be read as a tar in gzip.
	Problem string `json:"problem,omitempty"`
	// Size is that of the tar, in bytes; Entries counts what is in it.
	Size    int64 `json:"size"`
	Entries int   `json:"entries"`
	// HardLinks and Orphans name entries that are hard links, and entries without
	// one for their folder.
	HardLinks []string `json:"hardLinks,omitempty"`
	Orphans   []string `json:"orphans,omitempty"`
	// Files are the programs among the layer's files, and those of [licence.Dir].
	Files map[string]FileFacts `json:"files,omitempty"`
}

// ReadLayer returns the facts of a layer as it is stored. A layer that cannot be
// understood is a fact, not an error; an error is that r cannot be read.
func ReadLayer(r io.Reader) (LayerFacts, error) {
	l := LayerFacts{Files: map[string]FileFacts{}}
	stored, unpacked := sha256.New(), sha256.New()
	source := bufio.NewReader(io.TeeReader(&faultReader{r: r}, stored))
	zr, err := gzip.NewReader(source)
	if err == nil {
		content := io.TeeReader(zr, unpacked)
		if err = l.entries(content); err == nil {
			// The tar reader stops before the padding at the end.
			_, err = io.Copy(io.Discard, content)
		}
	}
	var fault readFault
	if errors.As(err, &fault) {
		return LayerFacts{}, fault.error
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
			return fmt.Errorf("not a tar in gzip: %w", err)
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
		case slices.Contains(programs, name):
			l.Files[name] = facts
		case path.Dir(name) == licence.Dir:
			content := sha256.New()
			if _, err := io.Copy(content, tr); err != nil {
				return fmt.Errorf("not a tar in gzip: %w", err)
			}
			facts.SHA256 = hex.EncodeToString(content.Sum(nil))
			l.Files[name] = facts
		}
	}
}

// readFault is an error of the reader below, in contrast to one of the format.
type readFault struct{ error }

type faultReader struct{ r io.Reader }

func (f *faultReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = readFault{err}
	}
	return n, err
}
