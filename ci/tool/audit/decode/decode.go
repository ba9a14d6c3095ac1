// Package decode finds what is encoded or compressed in content: base64, hex, gzip, zlib,
// zip, bzip2 and zstd, one in another up to two levels.
package decode

import (
	"bytes"
	"compress/bzip2"
	"compress/flate"
	"compress/zlib"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"iter"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

const (
	// shortest is the least length of a run of base64 or hex, in characters.
	shortest = 32
	// levels is how many encodings in each other are undone.
	levels = 2
	// largest is how many bytes all compressed pieces of one content may become together.
	largest = 256 << 20
)

// Piece is decoded content.
type Piece struct {
	// How names the encoding, the outermost first, such as "base64 of gzip".
	How string
	// Offset is where the outermost encoding starts, in bytes.
	Offset  int
	Content []byte
	// TooLarge says that more would follow: it cannot be checked.
	TooLarge bool
}

// Pieces yields what is encoded in content. In a program, strings stand beside each other
// without separators, so the pieces may start and end with bytes that mean nothing.
func Pieces(content []byte) iter.Seq[Piece] {
	return func(yield func(Piece) bool) {
		left := int64(largest)
		pieces(content, levels, &left, yield)
	}
}

// pieces makes left smaller by what it inflates.
func pieces(content []byte, levels int, left *int64, yield func(Piece) bool) bool {
	for p := range once(content, left) {
		if !yield(p) {
			return false
		}
		if levels == 1 {
			continue
		}
		inner := func(q Piece) bool { return yield(Piece{p.How + " of " + q.How, p.Offset, q.Content, q.TooLarge}) }
		if !pieces(p.Content, levels-1, left, inner) {
			return false
		}
	}
	return true
}

// once yields what one decoding makes.
func once(content []byte, left *int64) iter.Seq[Piece] {
	return func(yield func(Piece) bool) {
		_ = runs(content, &base64s, func(at int, run []byte) bool {
			for shift := range 4 { // where it starts is unknown
				digits := run[shift : len(run)-(len(run)-shift)%4]
				out := make([]byte, base64.RawStdEncoding.DecodedLen(len(digits)))
				n, err := base64.RawStdEncoding.Decode(out, digits)
				if err == nil && !yield(Piece{"base64", at + shift, out[:n], false}) {
					return false
				}
			}
			return true
		}) && runs(content, &hexes, func(at int, run []byte) bool {
			for shift := range 2 {
				digits := run[shift : len(run)-(len(run)-shift)%2]
				out := make([]byte, len(digits)/2)
				if _, err := hex.Decode(out, digits); err == nil && !yield(Piece{"hex", at + shift, out, false}) {
					return false
				}
			}
			return true
		}) && inflate(content, left, yield)
	}
}

// formats are those of compressed content, by the bytes that it starts with.
var formats = []struct {
	name  string
	magic []byte
	open  func(content []byte) (io.Reader, error)
}{
	{"gzip", []byte{0x1f, 0x8b, 8}, func(content []byte) (io.Reader, error) { return gzip.NewReader(bytes.NewReader(content)) }},
	{"zlib", []byte{0x78}, func(content []byte) (io.Reader, error) { return zlib.NewReader(bytes.NewReader(content)) }},
	{"zip", []byte("PK\x03\x04"), zipEntry},
	{"bzip2", []byte("BZh"), func(content []byte) (io.Reader, error) { return bzip2.NewReader(bytes.NewReader(content)), nil }},
	{"zstd", []byte{0x28, 0xb5, 0x2f, 0xfd}, func(content []byte) (io.Reader, error) {
		return zstd.NewReader(bytes.NewReader(content), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(largest))
	}},
}

// zipEntry opens an entry that is compressed (APPNOTE.TXT of PKWARE, 4.3.7).
func zipEntry(content []byte) (io.Reader, error) {
	const header, deflate = 30, 8
	if len(content) < header || binary.LittleEndian.Uint16(content[8:]) != deflate {
		return nil, errors.New("not compressed")
	}
	start := header + int(binary.LittleEndian.Uint16(content[26:])) + int(binary.LittleEndian.Uint16(content[28:]))
	return flate.NewReader(bytes.NewReader(content[min(start, len(content)):])), nil
}

// alphabet has for each byte the digit that it stands for; 0 ends a run.
type alphabet [256]byte

var (
	base64s = func() (a alphabet) {
		for _, c := range []byte("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/") {
			a[c] = c
		}
		a['-'], a['_'] = '+', '/' // for URLs
		return a
	}()
	hexes = func() (a alphabet) {
		for _, c := range []byte("0123456789abcdefABCDEF") {
			a[c] = c
		}
		return a
	}()
)

// runs visits the runs of digits, without the line breaks in them. It is false if visit
// was.
func runs(content []byte, a *alphabet, visit func(at int, run []byte) bool) bool {
	var run []byte
	start := 0
	for i := 0; i <= len(content); i++ {
		if i < len(content) && a[content[i]] != 0 {
			if len(run) == 0 {
				start = i
			}
			run = append(run, a[content[i]])
			continue
		}
		if i < len(content) && len(run) > 0 && (content[i] == '\n' || content[i] == '\r') {
			continue
		}
		if len(run) >= shortest && !visit(start, run) {
			return false
		}
		run = run[:0]
	}
	return true
}

// inflate yields what is compressed. It is false if yield was.
func inflate(content []byte, left *int64, yield func(Piece) bool) bool {
	for _, f := range formats {
		for at := 0; ; at++ {
			next := bytes.Index(content[at:], f.magic)
			if next < 0 {
				break
			}
			at += next
			r, err := f.open(content[at:])
			if err != nil {
				continue
			}
			// What comes before an error was in the content too.
			out, _ := io.ReadAll(io.LimitReader(r, *left+1))
			more := int64(len(out)) > *left
			*left = max(0, *left-int64(len(out)))
			if len(out) > 0 && !yield(Piece{f.name, at, out, more}) {
				return false
			}
		}
	}
	return true
}
