package layer

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
)

// Keep writes the layer of files to the cache. reused tells that the cache already had
// a layer of the same files and comment.
func Keep(c *cache.Cache, files []File, comment string) (l Layer, reused bool, err error) {
	parts := []string{comment}
	for _, f := range files {
		digest, err := f.digest()
		if err != nil {
			return Layer{}, false, fmt.Errorf("read %s: %w", f.Path, err)
		}
		parts = append(parts, f.Path, f.Mode.String(), digest)
	}
	return KeepAs(c, cache.Key(parts...), comment, func() ([]File, error) { return files, nil })
}

// KeepAs is [Keep] for files that take long to open: key identifies their content, and
// open is called only if the cache has no layer with this key.
func KeepAs(c *cache.Cache, key, comment string, open func() ([]File, error)) (l Layer, reused bool, err error) {
	// The comment is part of the bytes, so another comment means another layer.
	if l, ok := Kept(c, key); ok && l.Comment == comment {
		return l, true, nil
	}
	files, err := open()
	if err != nil {
		return Layer{}, false, err
	}
	if _, _, err := c.Put(func(w io.Writer) error {
		l, err = Write(w, files, comment)
		return err
	}); err != nil {
		return Layer{}, false, err
	}
	return l, false, c.Save(recordKey(key), l)
}

// Kept returns the layer that [KeepAs] stored under key; ok is false if the cache does
// not have it.
func Kept(c *cache.Cache, key string) (l Layer, ok bool) {
	_, ok = c.Load(recordKey(key), &l)
	return l, ok && c.Has(l.Digest, l.Size)
}

func recordKey(key string) string { return cache.Key("layer", key, compressor()) }

// compressor is the version of the compressor. It is part of the key, since another
// version can write other bytes.
var compressor = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, m := range info.Deps {
		if m.Path == "github.com/klauspost/compress" {
			return m.Version
		}
	}
	return ""
})

// Import copies the compressed layer in the named file to the cache.
func Import(c *cache.Cache, name string) (Layer, error) {
	l, err := importFile(c, name)
	if err != nil {
		return Layer{}, fmt.Errorf("read the layer %s: %w", name, err)
	}
	return l, nil
}

func importFile(c *cache.Cache, name string) (Layer, error) {
	f, err := os.Open(name)
	if err != nil {
		return Layer{}, err
	}
	defer f.Close()
	digest, size, err := v1.SHA256(f)
	if err != nil {
		return Layer{}, err
	}
	if !c.Has(digest, size) {
		if _, err := f.Seek(0, io.SeekStart); err != nil {
			return Layer{}, err
		}
		if digest, size, err = c.Put(func(w io.Writer) error {
			_, err := io.Copy(w, f)
			return err
		}); err != nil {
			return Layer{}, err
		}
	}
	// The digest is known without decompressing, the other facts are not.
	key := recordKey(cache.Key("imported layer", digest.String()))
	var l Layer
	if _, ok := c.Load(key, &l); ok && l.Size == size {
		return l, nil
	}
	blob, err := os.Open(c.Blob(digest))
	if err != nil {
		return Layer{}, err
	}
	defer blob.Close()
	if l, err = Read(blob); err != nil {
		return Layer{}, err
	}
	return l, c.Save(key, l)
}

// digest returns the SHA-256 of the content, or f.Digest if it is set.
func (f File) digest() (string, error) {
	if f.Digest != "" || f.Mode.IsDir() {
		return f.Digest, nil
	}
	r, err := f.Open()
	if err != nil {
		return "", err
	}
	defer r.Close()
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
