package fingerprint

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// raw yields content as it is.
func raw(content []byte) stream {
	return func(yield func(symbol, int)) {
		for i, c := range content {
			yield(symbol(c), i)
		}
	}
}

// folded has for each ASCII letter its lower case, for each digit itself, and 0 for the
// others.
var folded = func() (table [utf8.RuneSelf]byte) {
	for c := range table {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
			table[c] = byte(c)
		case 'A' <= c && c <= 'Z':
			table[c] = byte(c) + 'a' - 'A'
		}
	}
	return table
}()

// letters yields the letters and digits of a text, all in lower case. White space,
// punctuation and bytes that are no text do not count, nor the escapes of a Go string.
func letters(content []byte, escapes bool) stream {
	return func(yield func(symbol, int)) {
		for i := 0; i < len(content); {
			if c := content[i]; c < utf8.RuneSelf {
				if escapes && c == '\\' && i+1 < len(content) && strings.IndexByte("abfnrtv", content[i+1]) >= 0 {
					i += 2
					continue
				}
				if f := folded[c]; f != 0 {
					yield(symbol(f), i)
				}
				i++
				continue
			}
			r, size := utf8.DecodeRune(content[i:])
			if r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) {
				yield(symbol(unicode.ToLower(r)), i)
			}
			i += size
		}
	}
}

// number is a number in a text.
type number struct {
	value  float64
	offset int
}

// telling is true for a number that is not in every table: it has a fraction or five
// digits.
func (n number) telling() bool {
	return n.value != math.Trunc(n.value) || math.Abs(n.value) >= 10_000
}

// values yields those numbers that tell tables apart.
func values(all []number) stream {
	return func(yield func(symbol, int)) {
		for _, n := range all {
			if n.telling() {
				yield(symbol(math.Float64bits(n.value)), n.offset)
			}
		}
	}
}

// textNumbers returns the decimal numbers in a text, or only those that may be telling.
func textNumbers(content []byte, telling bool) []number {
	var all []number
	for i := 0; i < len(content); {
		fraction := content[i] == '.' && i+1 < len(content) && digit(content[i+1])
		if !digit(content[i]) && !fraction {
			i++
			continue
		}
		start, end := i, i
		for end < len(content) && (digit(content[end]) || content[end] == '.' || content[end] == '_' || exponent(content, end)) {
			end++
		}
		if start > 0 && content[start-1] == '-' {
			start--
		}
		if short := end-start < 5 && bytes.IndexByte(content[start:end], '.') < 0; short && telling {
			i = end
			continue
		}
		if value, err := strconv.ParseFloat(strings.ReplaceAll(string(content[start:end]), "_", ""), 64); err == nil {
			all = append(all, number{value, start})
		}
		i = end
	}
	return all
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// exponent is true for the E of a number, and for the sign that follows one.
func exponent(content []byte, at int) bool {
	switch content[at] {
	case 'e', 'E':
		return at+1 < len(content) && (digit(content[at+1]) || content[at+1] == '-' || content[at+1] == '+')
	case '-', '+':
		return content[at-1] == 'e' || content[at-1] == 'E'
	}
	return false
}
