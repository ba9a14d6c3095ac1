// Package layer writes image layers, which are compressed tar archives, whose bytes
// depend only on their files: entries are sorted, times and owners are fixed, all parent
// directories are present, and there are no hard links.
package layer

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	// go.mod pins the compressor, so that a layer's digest does not depend on the Go
	// release that compiled this program.
	"github.com/klauspost/compress/gzip"

	"lambdas.internal/ci/tool/registry/limit"
)

// epoch is the time of every entry.
var epoch = time.Unix(0, 0).UTC()

// File is one entry of a layer.
type File struct {
	// Path is the absolute path in the image, without the leading slash.
	Path string
	// Mode has the permission bits, fs.ModeSticky if set, and fs.ModeDir for a
	// directory, which has no content.
	Mode fs.FileMode
	// Size is the length of the content in bytes.
	Size int64
	// Digest is the content's SHA-256 in hex, if it is known.
	Digest string
	// Open returns the content.
	Open func() (io.ReadCloser, error)
}

// Text returns a regular file with the given content.
func Text(name string, mode fs.FileMode, content string) File {
	return File{Path: name, Mode: mode, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

// Local returns a regular file with the content of a file on disk.
func Local(path string, mode fs.FileMode, name string) (File, error) {
	info, err := os.Stat(name)
	if err != nil {
		return File{}, err
	}
	return File{Path: path, Mode: mode, Size: info.Size(), Open: func() (io.ReadCloser, error) {
		return os.Open(name)
	}}, nil
}

// Directory returns a directory.
func Directory(name string, mode fs.FileMode) File {
	return File{Path: name, Mode: mode | fs.ModeDir}
}

// Layer is a written layer.
type Layer struct {
	// Digest is the digest of the compressed bytes, DiffID that of the tar.
	Digest v1.Hash `json:"digest"`
	DiffID v1.Hash `json:"diffID"`
	// Size is the length of the compressed bytes.
	Size int64 `json:"size"`
	// Comment says where the layer's files come from. It is in the gzip header (RFC 1952,
	// FCOMMENT), so that the file of a layer also has it.
	Comment string `json:"comment,omitempty"`
}

// Write writes files as a gzip-compressed tar to w. The same files and comment
// give the same bytes on every machine.
func Write(w io.Writer, files []File, comment string) (Layer, error) {
	digest, diffID := sha256.New(), sha256.New()
	size := new(counter)
	zw, err := gzip.NewWriterLevel(io.MultiWriter(w, digest, size), gzip.DefaultCompression)
	if err != nil {
		return Layer{}, fmt.Errorf("write the layer: %w", err)
	}
	zw.Comment = comment
	tw := tar.NewWriter(io.MultiWriter(zw, diffID))
	all, err := withParents(files)
	if err != nil {
		return Layer{}, fmt.Errorf("write the layer: %w", err)
	}
	for _, f := range all {
		if err := writeEntry(tw, f); err != nil {
			return Layer{}, fmt.Errorf("write %s into the layer: %w", f.Path, err)
		}
	}
	if err := tw.Close(); err != nil {
		return Layer{}, fmt.Errorf("write the layer: %w", err)
	}
	if err := zw.Close(); err != nil {
		return Layer{}, fmt.Errorf("write the layer: %w", err)
	}
	return Layer{Digest: sum(digest), DiffID: sum(diffID), Size: int64(*size), Comment: comment}, nil
}

// Read reads a compressed layer and returns its description.
func Read(r io.Reader) (Layer, error) {
	digest, diffID := sha256.New(), sha256.New()
	size := new(counter)
	raw := io.TeeReader(r, io.MultiWriter(digest, size))
	zr, err := gzip.NewReader(raw)
	if err != nil {
		return Layer{}, fmt.Errorf("read the layer: %w", err)
	}
	if _, err := io.Copy(diffID, limit.Reader(context.Background(), zr, limit.Unpacked)); err != nil {
		return Layer{}, fmt.Errorf("read the layer: %w", err)
	}
	if _, err := io.Copy(io.Discard, raw); err != nil { // the reader may stop before the last bytes
		return Layer{}, fmt.Errorf("read the layer: %w", err)
	}
	return Layer{Digest: sum(digest), DiffID: sum(diffID), Size: int64(*size), Comment: zr.Comment}, nil
}

func writeEntry(tw *tar.Writer, f File) error {
	h := &tar.Header{Name: f.Path, Mode: int64(f.Mode.Perm()), ModTime: epoch, Format: tar.FormatPAX}
	if f.Mode&fs.ModeSticky != 0 {
		h.Mode |= 0o1000
	}
	if f.Mode.IsDir() {
		h.Typeflag, h.Name = tar.TypeDir, f.Path+"/"
		return tw.WriteHeader(h)
	}
	h.Typeflag, h.Size = tar.TypeReg, f.Size
	if err := tw.WriteHeader(h); err != nil {
		return err
	}
	r, err := f.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	content, to := sha256.New(), io.Writer(tw)
	if f.Digest != "" {
		to = io.MultiWriter(tw, content)
	}
	n, err := io.Copy(to, r)
	switch {
	case errors.Is(err, tar.ErrWriteTooLong):
		return fmt.Errorf("has more than the expected %d bytes", f.Size)
	case err != nil:
		return err
	case n != f.Size:
		return fmt.Errorf("has %d bytes, expected %d", n, f.Size)
	case f.Digest != "" && f.Digest != hex.EncodeToString(content.Sum(nil)):
		return errors.New("changed while it was read; build again")
	}
	return nil
}

// withParents adds every missing parent directory to files, and sorts them by path.
// Lambda requires each parent to be an entry of the layer.
func withParents(files []File) ([]File, error) {
	all := slices.Clone(files)
	isDir := map[string]bool{".": true}
	for _, f := range files {
		if _, twice := isDir[f.Path]; twice || !fs.ValidPath(f.Path) {
			return nil, fmt.Errorf("%q appears twice, or is not a clean path without a leading slash", f.Path)
		}
		isDir[f.Path] = f.Mode.IsDir()
	}
	for _, f := range files {
		for dir := path.Dir(f.Path); ; dir = path.Dir(dir) {
			switch is, known := isDir[dir]; {
			case known && !is:
				return nil, fmt.Errorf("%q is a file, so %q cannot be below it", dir, f.Path)
			case !known:
				isDir[dir] = true
				all = append(all, Directory(dir, 0o755))
				continue
			}
			break
		}
	}
	slices.SortFunc(all, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	return all, nil
}

func sum(h hash.Hash) v1.Hash {
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
}

type counter int64

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}

// Extract returns the content of one file of a compressed layer. A missing file is
// [fs.ErrNotExist].
func Extract(r io.Reader, name string) ([]byte, error) {
	zr, err := gzip.NewReader(r)
	if err != nil {
		return nil, err
	}
	for tr := tar.NewReader(limit.Reader(context.Background(), zr, limit.Unpacked)); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			err = fs.ErrNotExist
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if strings.TrimPrefix(path.Clean("/"+h.Name), "/") != name {
			continue
		}
		if h.Size > limit.Program {
			return nil, fmt.Errorf("%s: it has %d bytes; at most %d are read into memory", name, h.Size, int64(limit.Program))
		}
		// The size is what the layer says: it may hold less.
		content := bytes.NewBuffer(make([]byte, 0, min(h.Size, 64<<20)))
		if _, err := io.Copy(content, tr); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		return content.Bytes(), nil
	}
}
