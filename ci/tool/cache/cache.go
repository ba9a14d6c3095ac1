// Package cache stores files on disk so that nothing is built or downloaded twice:
// blobs under their digest, and small records under a content key. Every write ends
// with a rename, so an interrupted or concurrent build never leaves half a file.
package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Cache is a folder of blobs and records. The folder can be deleted at any
// time: everything in it can be made again.
type Cache struct{ dir string }

// New returns the cache in dir, and creates the folder if it is missing.
func New(dir string) (*Cache, error) {
	for _, sub := range []string{"blobs/sha256", "records"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, fmt.Errorf("make the cache: %w", err)
		}
	}
	return &Cache{dir: dir}, nil
}

// Path returns the path of the named part of the cache.
func (c *Cache) Path(elem ...string) string {
	return filepath.Join(append([]string{c.dir}, elem...)...)
}

// Blob returns the path of the blob, whether or not the blob is there.
func (c *Cache) Blob(digest v1.Hash) string {
	return filepath.Join(c.dir, "blobs", digest.Algorithm, digest.Hex)
}

// Has tells whether the cache has the blob, with that size.
func (c *Cache) Has(digest v1.Hash, size int64) bool {
	info, err := os.Stat(c.Blob(digest))
	return err == nil && info.Mode().IsRegular() && info.Size() == size
}

// Put stores what write writes under its digest, and returns digest and size.
func (c *Cache) Put(write func(io.Writer) error) (v1.Hash, int64, error) {
	f, err := os.CreateTemp(c.dir, ".blob-*")
	if err != nil {
		return v1.Hash{}, 0, fmt.Errorf("write to the cache: %w", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	h := sha256.New()
	if err := write(io.MultiWriter(f, h)); err != nil {
		return v1.Hash{}, 0, err
	}
	size, err := f.Seek(0, io.SeekCurrent)
	if err != nil {
		return v1.Hash{}, 0, fmt.Errorf("write to the cache: %w", err)
	}
	digest := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(h.Sum(nil))}
	if err := finish(f, 0o444, c.Blob(digest)); err != nil {
		return v1.Hash{}, 0, fmt.Errorf("write to the cache: %w", err)
	}
	return digest, size, nil
}

// Keep stores the content of a reader under its digest.
func (c *Cache) Keep(content io.Reader) error {
	_, _, err := c.Put(func(w io.Writer) error {
		_, err := io.Copy(w, content)
		return err
	})
	return err
}

// PutBytes stores data under its digest.
func (c *Cache) PutBytes(data []byte) (v1.Hash, error) {
	sum := sha256.Sum256(data)
	digest := v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
	if c.Has(digest, int64(len(data))) {
		return digest, nil
	}
	return digest, c.Keep(bytes.NewReader(data))
}

// Export makes name a file with the content of the blob.
func (c *Cache) Export(digest v1.Hash, name string) error {
	if err := LinkOrCopy(c.Blob(digest), name); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// LinkOrCopy makes target a file with the content of source, in one step: a hard
// link if the file system has them, else a copy.
func LinkOrCopy(source, target string) error {
	return replace(target, func(name string) error {
		if err := os.Link(source, name); err != nil {
			return copyFile(source, name)
		}
		return nil
	})
}

// Copy makes target a copy of the file source, with its mode and time, in one
// step.
func Copy(source, target string) error {
	return replace(target, func(name string) error { return copyFile(source, name) })
}

// replace lets write create a file under a temporary name, and renames it to target.
func replace(target string, write func(name string) error) error {
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return err
	}
	dir, err := os.MkdirTemp(filepath.Dir(target), ".new-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	temporary := filepath.Join(dir, filepath.Base(target))
	if err := write(temporary); err != nil {
		return err
	}
	return os.Rename(temporary, target)
}

func copyFile(source, target string) error {
	r, err := os.Open(source)
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	w, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, info.Mode().Perm())
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, r); err != nil {
		return errors.Join(err, w.Close())
	}
	if err := w.Chmod(info.Mode().Perm()); err != nil { // OpenFile applied the umask
		return errors.Join(err, w.Close())
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.Chtimes(target, time.Time{}, info.ModTime())
}

// finish gives a written temporary file its mode and its final name.
func finish(f *os.File, mode os.FileMode, name string) error {
	if err := f.Chmod(mode); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}

// Key returns the content key of the parts, a hash: equal parts have equal keys.
func Key(parts ...string) string {
	h := sha256.New()
	for _, p := range parts {
		fmt.Fprintf(h, "%d:%s,", len(p), p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// record is a stored value with the time of writing, from which its age is known.
type record struct {
	Time  time.Time       `json:"time"`
	Value json.RawMessage `json:"value"`
}

// Load fills value with the record stored under key and returns its age. ok is
// false if the record is missing or cannot be read.
func (c *Cache) Load(key string, value any) (age time.Duration, ok bool) {
	data, err := os.ReadFile(c.Path("records", key+".json"))
	if err != nil {
		return 0, false
	}
	var r record
	if json.Unmarshal(data, &r) != nil || json.Unmarshal(r.Value, value) != nil {
		return 0, false
	}
	return time.Since(r.Time), true
}

// Save stores value under key.
func (c *Cache) Save(key string, value any) error {
	v, err := json.Marshal(value)
	if err != nil {
		return fmt.Errorf("write a record to the cache: %w", err)
	}
	data, err := json.Marshal(record{Time: time.Now().UTC(), Value: v})
	if err != nil {
		return fmt.Errorf("write a record to the cache: %w", err)
	}
	if err := WriteFile(c.Path("records", key+".json"), data); err != nil {
		return fmt.Errorf("write a record to the cache: %w", err)
	}
	return nil
}

// WriteFile writes data to name in one step: if it fails, the file is unchanged.
func WriteFile(name string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(name), ".tmp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return finish(f, 0o644, name)
}

// Trim removes blobs and records that were written longer ago than age, except the
// blobs in keep, and temporary files of killed runs.
func (c *Cache) Trim(age time.Duration, keep map[v1.Hash]bool) error {
	var errs []error
	for _, dir := range []string{".", "blobs/sha256", "records"} {
		entries, err := os.ReadDir(c.Path(dir))
		if err != nil {
			return fmt.Errorf("trim the cache: %w", err)
		}
		for _, e := range entries {
			if dir == "." && (!strings.HasPrefix(e.Name(), ".") || e.Name() == ignoreFile) {
				continue
			}
			info, err := e.Info()
			if err != nil || time.Since(info.ModTime()) < age ||
				keep[v1.Hash{Algorithm: "sha256", Hex: e.Name()}] {
				continue
			}
			errs = append(errs, os.RemoveAll(c.Path(dir, e.Name()))) // no error if another run was faster
		}
	}
	return errors.Join(errs...)
}
