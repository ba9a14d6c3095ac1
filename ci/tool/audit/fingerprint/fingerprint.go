// Package fingerprint recognises private content in what becomes public: text in another
// case or with other spaces, code with other names, tables of numbers in the form in
// which a program has them, and all of it once more if it is encoded.
package fingerprint

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"lambdas.internal/ci/tool/audit/decode"
)

// The kinds of windows. No file of Go's standard library has 60 tokens in common with the
// private code of this repository; unrelated code has up to 40 (measured 2026-11-29).
var kinds = [...]kind{
	raws:   {"content", 32, 8},
	texts:  {"text", 24, 8},
	tables: {"numbers", 6, 5},
	codes:  {"code", 60, 15},
	// A list of words is in many sources, so what is in several literals must be longer.
	joined: {"text", 40, 10},
}

// The indexes of the kinds.
const (
	raws = iota
	texts
	tables
	codes
	joined
)

// Fingerprint recognises the content of private files.
type Fingerprint struct {
	tables [len(kinds)]*table
	files  []file
	// Windows counts what is recognised; Short are files that are too small.
	Windows int
	Short   []string
	// paths are import paths of packages, which programs contain, and their folders.
	paths map[string]string
	all   hash.Hash // of all that was added
}

type file struct {
	name    string
	content []byte
}

// New returns a fingerprint that recognises nothing yet.
func New() *Fingerprint {
	p := &Fingerprint{paths: map[string]string{}, all: sha256.New()}
	for n, k := range kinds {
		p.tables[n] = newTable(k)
	}
	return p
}

// Digest is a digest of all that the fingerprint recognises.
func (p *Fingerprint) Digest() string { return hex.EncodeToString(p.all.Sum(nil)) }

// Files is how many files are recognised.
func (p *Fingerprint) Files() int { return len(p.files) }

// Add makes the fingerprint recognise the files of one folder, by their names. Go files are
// recognised by their constants, comments, tables and code; all others by their text, or
// by their bytes if they are none.
func (p *Fingerprint) Add(files map[string][]byte) {
	sources := map[string][]byte{}
	for name, content := range files {
		if strings.HasSuffix(name, ".go") {
			sources[name] = content
		}
	}
	parsed := goFiles(sources)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		p.add(name, files[name], parsed)
	}
}

func (p *Fingerprint) add(name string, content []byte, parsed map[string]source) {
	fmt.Fprintf(p.all, "%q %d\n%s", name, len(content), content)
	before := p.Windows
	p.files = append(p.files, file{name, content})
	add := func(kind int, at int, content stream) {
		p.Windows += p.tables[kind].add(int32(len(p.files)-1), func(yield func(symbol, int)) {
			content(func(s symbol, offset int) { yield(s, at+offset) })
		})
	}
	numbers := func(all []number) {
		add(tables, 0, values(all))
		for _, form := range stored(all) {
			add(raws, all[0].offset, still(raw(form)))
		}
	}
	s, isGo := parsed[name]
	switch {
	case isGo:
		for _, t := range s.texts {
			add(texts, t.offset, still(letters([]byte(t.text), false)))
			add(joined, t.offset, still(letters([]byte(t.text), false)))
		}
		for _, t := range s.tables {
			numbers(t)
		}
		add(codes, 0, code(content))
	case utf8.Valid(content):
		add(texts, 0, letters(content, false))
		add(joined, 0, letters(content, false))
		if all := textNumbers(content, false); len(all) > 0 {
			numbers(all)
		}
	default:
		add(raws, 0, raw(content))
	}
	if p.Windows == before {
		p.Short = append(p.Short, name)
	}
}

// still is a stream all of whose symbols stand where the first one does: they are not in
// the file as they are.
func still(content stream) stream {
	return func(yield func(symbol, int)) { content(func(s symbol, _ int) { yield(s, 0) }) }
}

// AddPackage makes the fingerprint recognise a package by its import path, which
// is part of the name of every function in a program.
func (p *Fingerprint) AddPackage(importPath, folder string) {
	fmt.Fprintf(p.all, "%q in %q\n", importPath, folder)
	p.paths[importPath] = folder
}

// Public are windows that anyone may have.
type Public [len(kinds)][]uint64

// Public returns what is recognised in content that is public: a source of the standard
// library, a licence.
func (p *Fingerprint) Public(name string, content []byte) (known Public) {
	isGo := strings.HasSuffix(name, ".go")
	known[raws] = p.tables[raws].known(raw(content))
	known[texts] = p.tables[texts].known(letters(content, isGo))
	known[joined] = p.tables[joined].known(letters(content, isGo))
	known[tables] = p.tables[tables].known(values(textNumbers(content, true)))
	return known
}

// PublicCode returns what is recognised in the code of a file that is public.
func (p *Fingerprint) PublicCode(name string, content []byte) (known Public) {
	if !strings.HasSuffix(name, ".go") {
		return known
	}
	known[codes] = p.tables[codes].known(code(content))
	return known
}

// Forget makes the fingerprint recognise less.
func (p *Fingerprint) Forget(known Public) {
	for n, all := range known {
		for _, hash := range all {
			delete(p.tables[n].windows, hash)
		}
	}
}

// ForgetTests makes the fingerprint recognise no more what is only in tests: they repeat the
// messages of the packages that they use.
func (p *Fingerprint) ForgetTests(known Public) {
	var only Public
	for n, all := range known {
		for _, hash := range all {
			if at, ok := p.tables[n].windows[hash]; ok && strings.HasSuffix(p.files[at.file].name, "_test.go") {
				only[n] = append(only[n], hash)
			}
		}
	}
	fmt.Fprintf(p.all, "tests %v\n", only)
	p.Forget(only)
}

// Find returns what is private in content that becomes public, such as a program. where
// names it.
func (p *Fingerprint) Find(where string, content []byte) []string {
	f := findings{p: p, where: where, seen: map[seen]bool{}}
	f.find(raws, content, raw(content), "")
	f.find(texts, content, letters(content, false), "")
	for d := range decode.Pieces(content) {
		if d.TooLarge {
			f.all = append(f.all, fmt.Sprintf("%s contains %s that is too large to be unpacked (byte %d): cannot check", where, d.How, d.Offset))
		}
		how := fmt.Sprintf(", as %s at byte %d", d.How, d.Offset)
		f.find(raws, d.Content, raw(d.Content), how)
		f.find(texts, d.Content, letters(d.Content, false), how)
	}
	for path, folder := range p.paths {
		// Functions are named path.Name, with dots of the last element escaped.
		if at := bytes.Index(content, []byte(path+".")); at >= 0 {
			f.all = append(f.all, fmt.Sprintf("%s contains the package %s of %s (byte %d)", where, path, folder, at))
		}
	}
	slices.Sort(f.all)
	return f.all
}

// FindSource returns what numbers and texts of a source, from which a public program is
// built, are private.
func (p *Fingerprint) FindSource(name string, content []byte) []string {
	f := findings{p: p, where: name, seen: map[seen]bool{}}
	f.find(tables, content, values(textNumbers(content, true)), "")
	if strings.HasSuffix(name, ".go") {
		f.find(joined, content, literals(content), "")
	}
	slices.Sort(f.all)
	return f.all
}

// FindCode returns what code of a source, from which a public program is built, is private.
func (p *Fingerprint) FindCode(name string, content []byte) []string {
	f := findings{p: p, where: name, seen: map[seen]bool{}}
	if strings.HasSuffix(name, ".go") {
		f.find(codes, content, code(content), "")
	}
	return f.all
}

// findings has the first finding of each kind and private file.
type findings struct {
	p     *Fingerprint
	where string
	seen  map[seen]bool
	all   []string
}

type seen struct {
	kind int
	file int32
}

func (f *findings) find(kind int, content []byte, symbols stream, how string) {
	for _, r := range f.p.tables[kind].find(symbols) {
		this := seen{kind, r.file}
		if f.seen[this] {
			continue
		}
		f.seen[this] = true
		from := f.p.files[r.file]
		origin := fmt.Sprintf("%s, line %d", from.name, line(from.content, int(r.offset)))
		if kind == codes {
			f.all = append(f.all, fmt.Sprintf("%s, lines %d to %d, is the code of %s, whatever its names are",
				f.where, line(content, r.first), line(content, r.last), origin))
			continue
		}
		f.all = append(f.all, fmt.Sprintf("%s contains %s of %s (byte %d%s): %s",
			f.where, kinds[kind].name, origin, r.first, how, excerpt(content[r.first:r.last+1])))
	}
}

// excerpt shows at most 80 bytes.
func excerpt(content []byte) string {
	const most = 80
	if len(content) > most {
		return fmt.Sprintf("%q and %d more bytes", content[:most], len(content)-most)
	}
	return fmt.Sprintf("%q", content)
}

func line(content []byte, offset int) int {
	return 1 + bytes.Count(content[:min(offset, len(content))], []byte("\n"))
}
