package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"hash"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/mod/modfile"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const (
	// block is the length of the pieces by which content is recognised, in bytes. Any
	// 2*block-1 bytes of a file contain a whole block.
	block = 32
	// variety is how many different bytes a block must have: lines of dashes and padding
	// are in every program.
	variety = 8
)

// Fingerprint recognises the content of files, or of parts of them, in programs.
type Fingerprint struct {
	blocks map[uint32][]piece
	// Files and Blocks count what is recognised; Short are files that are too small.
	Files, Blocks int
	Short         []string
	// paths are import paths of packages, which programs contain, and their folders.
	paths map[string]string
	all   hash.Hash // of all that was added
}

type piece struct {
	content string
	file    string
	offset  int
}

// NewFingerprint returns a fingerprint that recognises nothing yet.
func NewFingerprint() *Fingerprint {
	return &Fingerprint{blocks: map[uint32][]piece{}, paths: map[string]string{}, all: sha256.New()}
}

// Digest is a digest of all that the fingerprint recognises.
func (p *Fingerprint) Digest() string { return hex.EncodeToString(p.all.Sum(nil)) }

// Add makes the fingerprint recognise a file: by its blocks and, for Go source, by its
// string literals, which are the part of the source that a program contains.
func (p *Fingerprint) Add(file string, content []byte) {
	p.Files++
	fmt.Fprintf(p.all, "%q %d\n%s", file, len(content), content)
	before := p.Blocks
	if strings.HasSuffix(file, ".go") {
		var all []literal
		all, content = literals(file, content)
		for _, l := range all {
			for at := 0; at+block <= len(l.text); at += block {
				p.add(file, l.offset, []byte(l.text[at:at+block]))
			}
		}
	}
	for at := 0; at+block <= len(content); at += block {
		p.add(file, at, content[at:at+block])
	}
	if p.Blocks == before {
		p.Short = append(p.Short, file)
	}
}

// AddPackage makes the fingerprint recognise a package by its import path, which
// is part of the name of every function in a program.
func (p *Fingerprint) AddPackage(importPath, folder string) {
	fmt.Fprintf(p.all, "%q in %q\n", importPath, folder)
	p.paths[importPath] = folder
}

func (p *Fingerprint) add(file string, offset int, content []byte) {
	different := map[byte]bool{}
	for _, c := range content {
		different[c] = true
	}
	if len(different) < variety {
		return
	}
	sum := roll(content)
	if slices.ContainsFunc(p.blocks[sum], func(q piece) bool { return q.content == string(content) }) {
		return
	}
	p.blocks[sum] = append(p.blocks[sum], piece{string(content), file, offset})
	p.Blocks++
}

// literal is a string literal of a source file.
type literal struct {
	text   string
	offset int
}

// literals returns the strings of a Go file that a program may contain, and the file
// with import paths and struct tags blanked, which are not the author's own content. A
// file that does not parse has no strings; its blocks are recognised all the same.
func literals(file string, content []byte) ([]literal, []byte) {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, content, parser.SkipObjectResolution)
	if err != nil {
		return nil, content
	}
	rest := bytes.Clone(content)
	names := map[*ast.BasicLit]bool{}
	var all []literal
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			names[n.Path] = true
		case *ast.Field:
			names[n.Tag] = true
		case *ast.BasicLit:
			start, end := files.Position(n.Pos()).Offset, files.Position(n.End()).Offset
			if names[n] {
				clear(rest[start:end])
			} else if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				all = append(all, literal{text, start})
			}
		}
		return true
	})
	return all, rest
}

// prime is the base of the rolling sum, the FNV prime of 32 bits; leaving is the factor
// of the byte that leaves the block.
const prime = 16777619

var leaving = func() uint32 {
	n := uint32(1)
	for range block {
		n *= prime
	}
	return n
}()

func roll(content []byte) uint32 {
	var sum uint32
	for _, c := range content {
		sum = sum*prime + uint32(c)
	}
	return sum
}

// find returns the first block of each file that is in the program.
func (p *Fingerprint) find(program []byte) []string {
	var findings []string
	seen := map[string]bool{}
	var sum uint32
	for i, c := range program {
		sum = sum*prime + uint32(c)
		if i >= block {
			sum -= leaving * uint32(program[i-block])
		}
		if i < block-1 {
			continue
		}
		for _, q := range p.blocks[sum] {
			start := i - block + 1
			if !seen[q.file] && string(program[start:i+1]) == q.content {
				seen[q.file] = true
				findings = append(findings, fmt.Sprintf("the binary contains content of %s (byte %d of the binary, byte %d of the file)", q.file, start, q.offset))
			}
		}
	}
	for path, folder := range p.paths {
		// Functions are named path.Name, with dots of the last element escaped.
		if at := bytes.Index(program, []byte(path+".")); at >= 0 {
			findings = append(findings, fmt.Sprintf("the binary contains the package %s of %s (byte %d of the binary)", path, folder, at))
		}
	}
	slices.Sort(findings)
	return findings
}

// CheckContent fails a public image whose binary contains content of proprietary files,
// even if it imports none. Compressed or encoded content is not recognised.
func CheckContent(f catalog.Function, program []byte, p *Fingerprint) Check {
	if f.Registry != catalog.Public {
		return notPublic(f.Image, Content)
	}
	examined := fmt.Sprintf("%s MB for %s of %s in %s", report.MB(int64(len(program))), report.Count(p.Blocks, "block"), report.Count(p.Files, "file"), ProprietaryDir)
	if len(p.Short) > 0 {
		examined += ", too short to recognise: " + some(p.Short)
	}
	findings := p.find(program)
	if p.Files == 0 {
		findings = []string{"`" + ProprietaryDir + "` is missing or empty: cannot check"}
	}
	return check(f.Image, Content, min(len(program), p.Blocks), examined, findings)
}

// ReadProprietary returns the fingerprint of all files below [ProprietaryDir] in the
// workspace at root. If the folder is missing, the fingerprint recognises nothing, and no
// public image passes.
func ReadProprietary(root string) (*Fingerprint, error) {
	p := NewFingerprint()
	err := filepath.WalkDir(filepath.Join(root, ProprietaryDir), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file := filepath.ToSlash(rel)
		content, err := catalog.ReadFile(root, file)
		if err != nil {
			return err // a broken link too: it cannot be examined
		}
		p.Add(file, content)
		if strings.HasSuffix(file, ".go") {
			if importPath := importPath(root, path.Dir(file)); importPath != "" {
				p.AddPackage(importPath, path.Dir(file))
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("read the proprietary files: %w", err)
	}
	return p, nil
}

// importPath returns the import path of the package in folder, from the nearest go.mod
// above it.
func importPath(root, folder string) string {
	for at := folder; ; at = path.Dir(at) {
		data, err := catalog.ReadFile(root, path.Join(at, "go.mod"))
		if err == nil {
			return path.Join(modfile.ModulePath(data), strings.TrimPrefix(folder, at))
		}
		if at == "." {
			return ""
		}
	}
}
