package cache

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"regexp"
	"sync"
)

// Program identifies the running program, in hex. What is kept because this program judged
// it is of no use to another, which may judge otherwise.
var Program = sync.OnceValues(func() (string, error) { return ofProgram(identify) })

// Checksum is the SHA-256 of the running program's file, in hex.
func Checksum() (string, error) { return ofProgram(checksum) }

func ofProgram(read func(io.Reader) (string, error)) (string, error) {
	name, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find this program: %w", err)
	}
	f, err := os.Open(name)
	if err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	defer f.Close()
	sum, err := read(f)
	if err != nil {
		return "", fmt.Errorf("read this program: %w", err)
	}
	return sum, nil
}

// beginning is how much of a program the go command reads to find its build ID, in bytes:
// https://go.dev/src/cmd/internal/buildid/buildid.go (readSize).
const beginning = 32 << 10

// buildID is four hashes: of what the program and its package main were linked and compiled
// from, and of what came out. https://go.dev/src/cmd/go/internal/work/buildid.go
var buildID = regexp.MustCompile(`[\w-]{20}/[\w-]{20}/[\w-]{20}/[\w-]{20}`)

// identify returns a SHA-256 that two programs share only if they are the same: of the
// beginning if it has the build ID, else of the whole, which takes longer.
func identify(program io.Reader) (string, error) {
	head, err := io.ReadAll(io.LimitReader(program, beginning))
	if err != nil {
		return "", err
	}
	if buildID.Match(head) {
		return checksum(bytes.NewReader(head))
	}
	return checksum(io.MultiReader(bytes.NewReader(head), program))
}

func checksum(r io.Reader) (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}
