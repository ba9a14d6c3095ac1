package registry

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// rawManifest is a manifest as the registry stores it.
type rawManifest struct {
	raw   []byte
	media types.MediaType
}

func (m rawManifest) RawManifest() ([]byte, error)        { return m.raw, nil }
func (m rawManifest) MediaType() (types.MediaType, error) { return m.media, nil }

// fileLayer is a blob in a file, as a layer.
type fileLayer struct {
	descriptor v1.Descriptor
	file       string
	sent       func(int64)
	mu         sync.Mutex
	count      int64
}

func (l *fileLayer) Digest() (v1.Hash, error)             { return l.descriptor.Digest, nil }
func (l *fileLayer) Size() (int64, error)                 { return l.descriptor.Size, nil }
func (l *fileLayer) MediaType() (types.MediaType, error)  { return l.descriptor.MediaType, nil }
func (l *fileLayer) DiffID() (v1.Hash, error)             { return v1.Hash{}, errors.New("unknown") }
func (l *fileLayer) Uncompressed() (io.ReadCloser, error) { return nil, errors.New("unknown") }

func (l *fileLayer) Compressed() (io.ReadCloser, error) {
	f, err := os.Open(l.file)
	if err != nil {
		return nil, err
	}
	l.rewind()
	return &countingFile{f, l}, nil
}

// rewind subtracts what was counted of an upload that starts again.
func (l *fileLayer) rewind() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent(-l.count)
	l.count = 0
}

func (l *fileLayer) add(n int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.count += n
	l.sent(n)
}

// countingFile does not embed the file: the network code would use the other methods
// of os.File and so bypass the count.
type countingFile struct {
	file  *os.File
	layer *fileLayer
}

func (f *countingFile) Read(p []byte) (int, error) {
	n, err := f.file.Read(p)
	f.layer.add(int64(n))
	return n, err
}

func (f *countingFile) Close() error { return f.file.Close() }

// bytesLayer is a blob in memory, as a layer.
type bytesLayer struct {
	v1.Layer
	content []byte
}

func (l bytesLayer) Compressed() (io.ReadCloser, error) {
	return &onceReader{content: bytes.NewReader(l.content)}, nil
}

// onceReader fails, as a file does, when it is read after it was closed. Without that,
// a request that is sent again would have no body.
type onceReader struct {
	content *bytes.Reader
	mu      sync.Mutex
	closed  bool
}

func (r *onceReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return 0, os.ErrClosed
	}
	return r.content.Read(p)
}

func (r *onceReader) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed = true
	return nil
}
