package gobuild

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// output is where `go build` puts the function's binary.
func output(dir string, f catalog.Function) string {
	return filepath.Join(dir, filepath.FromSlash(cmp.Or(f.Program, path.Base(f.Main()))))
}

// note is a file beside each binary that says what the binary was built from.
type note struct {
	Key         string    `json:"key"`
	Digest      string    `json:"digest"`
	Size        int64     `json:"size"`
	ModTime     time.Time `json:"modTime"`
	Inputs      Inputs    `json:"inputs"`
	Fingerprint string    `json:"fingerprint"` // of what the inputs hold
}

// binary returns the binary in file, beside which the note is.
func (n note) binary(file string) Binary {
	return Binary{Path: file, Digest: n.Digest, Size: n.Size, Key: n.Key, Reused: true}
}

// readNote returns the note beside file, unless the file has changed since.
func readNote(file string) (note, bool) {
	var n note
	data, err := os.ReadFile(file + ".json")
	if err != nil || json.Unmarshal(data, &n) != nil {
		return note{}, false
	}
	info, err := os.Stat(file)
	if err != nil || n.Size != info.Size() || !n.ModTime.Equal(info.ModTime()) {
		return note{}, false
	}
	return n, true
}

// Open returns the function's binary that an earlier [Compile] put into dir.
func Open(dir string, f catalog.Function) (Binary, error) {
	file := output(dir, f)
	if n, ok := readNote(file); ok {
		return n.binary(file), nil
	}
	digest, info, err := digestFile(file)
	if err != nil {
		return Binary{}, fmt.Errorf("read the binary of %s: %w", f.Image, err)
	}
	return Binary{Path: file, Digest: digest, Size: info.Size()}, nil
}

// Copy puts a compiled function into dir, where [Open] finds it.
func Copy(b Binary, dir string, f catalog.Function) error {
	if err := os.MkdirAll(filepath.Dir(output(dir, f)), 0o755); err != nil {
		return fmt.Errorf("write the binary of %s: %w", f.Image, err)
	}
	for _, suffix := range []string{"", ".json"} {
		if err := cache.Copy(b.Path+suffix, output(dir, f)+suffix); err != nil {
			return fmt.Errorf("write the binary of %s: %w", f.Image, err)
		}
	}
	return nil
}

// record returns the binary in file, and writes the note beside it.
func record(file string, n note) (Binary, error) {
	digest, info, err := digestFile(file)
	if err != nil {
		return Binary{}, fmt.Errorf("read the binary: %w", err)
	}
	n.Digest, n.Size, n.ModTime = digest, info.Size(), info.ModTime()
	return n.binary(file), n.write(file)
}

// write writes the note beside file.
func (n note) write(file string) error {
	data, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write the note of the binary: %w", err)
	}
	if err := cache.WriteFile(file+".json", data); err != nil {
		return fmt.Errorf("write the note of the binary: %w", err)
	}
	return nil
}

func digestFile(file string) (string, os.FileInfo, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return "", nil, err
	}
	return hex.EncodeToString(h.Sum(nil)), info, nil
}
