// Package gobuild compiles the functions: one `go build` for all functions that
// changed, none if nothing changed. The binaries depend on the sources and the pinned
// toolchain only, not on the machine, the folder or the commit.
package gobuild

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// Binary is a compiled function.
type Binary struct {
	Path   string // of the file
	Digest string // SHA-256 of its content, in hex
	Size   int64
	Reused bool // it was not compiled again
}

// CompileError is a function that does not compile.
type CompileError struct {
	Function catalog.Function
	Output   string // the compiler's lines
}

func (e *CompileError) Error() string {
	return fmt.Sprintf("compile %s (%s):\n%s", e.Function.Image, e.Function.Folder, e.Output)
}

// Result is the outcome for one function.
type Result struct {
	Binary Binary
	Err    error // a *CompileError, or why it could not be compiled
}

// Compile compiles the functions for the platform into dir, and reuses what it finds
// there from earlier calls. The results are in the order of functions; a function that
// fails does not stop the others. The error is one that concerns all functions.
func Compile(ctx context.Context, c *catalog.Catalog, functions []catalog.Function, platform v1.Platform, dir string) ([]Result, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	env := environment(c, platform)
	from, err := sources(c, functions, env)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	results := make([]Result, len(functions))
	var stale []int
	for i, f := range functions {
		file := output(dir, f)
		if n, ok := readNote(file); ok && n.Key == from[i].key {
			results[i].Binary = n.binary(file)
		} else {
			stale = append(stale, i)
		}
	}
	if len(stale) == 0 {
		return results, nil
	}

	errs, err := compile(ctx, c.Root, env, dir, functions, stale)
	if err != nil {
		return nil, fmt.Errorf("compile: %w", err)
	}
	for n, i := range stale {
		if errs[n] != nil {
			results[i].Err = errs[n]
			continue
		}
		file := output(dir, functions[i])
		if results[i].Err = checkModules(file, functions[i], from[i].modules); results[i].Err == nil {
			results[i].Binary, results[i].Err = record(file, from[i].key)
		}
	}
	return results, nil
}

// output is where `go build -o dir/` puts the function's binary.
func output(dir string, f catalog.Function) string {
	return filepath.Join(dir, path.Base(f.Folder))
}

// note is a file beside each binary that says what the binary was built from.
type note struct {
	Key     string    `json:"key"`
	Digest  string    `json:"digest"`
	Size    int64     `json:"size"`
	ModTime time.Time `json:"modTime"`
}

// binary returns the binary in file, beside which the note is.
func (n note) binary(file string) Binary {
	return Binary{Path: file, Digest: n.Digest, Size: n.Size, Reused: true}
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
	for _, suffix := range []string{"", ".json"} {
		if err := cache.Copy(b.Path+suffix, output(dir, f)+suffix); err != nil {
			return fmt.Errorf("write the binary of %s: %w", f.Image, err)
		}
	}
	return nil
}

// record returns the binary in file, and writes the note beside it.
func record(file, key string) (Binary, error) {
	digest, info, err := digestFile(file)
	if err != nil {
		return Binary{}, fmt.Errorf("read the binary: %w", err)
	}
	data, err := json.Marshal(note{Key: key, Digest: digest, Size: info.Size(), ModTime: info.ModTime()})
	if err != nil {
		return Binary{}, fmt.Errorf("write the note of the binary: %w", err)
	}
	if err := cache.WriteFile(file+".json", data); err != nil {
		return Binary{}, fmt.Errorf("write the note of the binary: %w", err)
	}
	return Binary{Path: file, Digest: digest, Size: info.Size()}, nil
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
