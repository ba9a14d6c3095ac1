package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Printable is a writer for what people see. Text from outside (a registry's answer, the
// name of a folder) may hold characters that move a cursor, color or hide what was written,
// or change the direction of writing. Such a character is written as \uXXXX: in a string of
// JSON, that means the same character.
func Printable(w io.Writer) io.Writer {
	switch w.(type) {
	case *Terminal, *printable: // these do it already
		return w
	}
	return &printable{w: w}
}

// Raw returns the writer below a [Printable] one, for what no person reads, such as an
// archive.
func Raw(w io.Writer) io.Writer {
	if p, ok := w.(*printable); ok {
		return p.w
	}
	return w
}

type printable struct {
	mu   sync.Mutex
	w    io.Writer
	rest []byte // the beginning of a character whose end is still to come
}

func (p *printable) Write(text []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := append(p.rest, text...)
	end := whole(all)
	p.rest = append([]byte(nil), all[end:]...)
	if _, err := io.WriteString(p.w, escape(string(all[:end]))); err != nil {
		return 0, err
	}
	return len(text), nil
}

// whole returns the length of the text without the beginning of a character at its end.
func whole(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if at := len(text) - n; utf8.RuneStart(text[at]) {
			if !utf8.FullRune(text[at:]) {
				return at
			}
			break
		}
	}
	return len(text)
}

// escape writes what is not to be seen as \uXXXX, and a byte that is no UTF-8 like the
// character of that number.
func escape(text string) string {
	if !strings.ContainsFunc(text, unseen) {
		return text
	}
	var b strings.Builder
	for at, r := range text {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(text[at:], string(utf8.RuneError)):
			fmt.Fprintf(&b, `\u%04x`, text[at])
		case r == utf8.RuneError, !unseen(r):
			b.WriteRune(r)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// unseen tells whether a character has no shape of its own: controls, spaces that look like
// nothing or like a space, marks of direction, selectors of a variant, and what Unicode does
// not know. [utf8.RuneError] counts, because a byte that is no UTF-8 is read as that.
func unseen(r rune) bool {
	switch {
	case r == '\n', r == '\t':
		return false
	case r == utf8.RuneError, !unicode.IsPrint(r):
		return true
	default:
		return r > unicode.MaxASCII && unicode.In(r, unicode.Variation_Selector, unicode.Other_Default_Ignorable_Code_Point)
	}
}
