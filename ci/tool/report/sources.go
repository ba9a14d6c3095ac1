package report

import (
	"bytes"
	"fmt"
	"io"
	"sync"
)

// colors are those of a terminal, by their ANSI numbers, that can be read on dark and on light.
var colors = []int{36, 33, 35, 32, 34, 31}

// Sources writes the lines of several sources to one stream. Each line begins with the name
// of its source, which on a terminal has a color of its own.
type Sources struct {
	w     io.Writer
	width int

	mu   sync.Mutex
	seen map[string]int // the place of each name
}

// NewSources returns a stream for sources whose names have at most width characters.
func NewSources(w io.Writer, width int) *Sources {
	return &Sources{w: w, width: width, seen: map[string]int{}}
}

// Writer returns the writer of a source. A line is written when it ends, or at [Source.Flush].
func (s *Sources) Writer(name string) *Source {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, ok := s.seen[name]
	if !ok {
		n = len(s.seen)
		s.seen[name] = n
	}
	return &Source{of: s, name: name, color: colors[n%len(colors)]}
}

func (s *Sources) line(name string, color int, text []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	head := fmt.Sprintf("%-*s |", s.width, name)
	if len(text) > 0 {
		text = append([]byte{' '}, text...)
	}
	if t, ok := s.w.(*Terminal); ok {
		t.mu.Lock()
		defer t.mu.Unlock()
		return t.draw(fmt.Sprintf("\x1b[%dm%s\x1b[0m%s\n", color, escape(head), escape(string(text))))
	}
	_, err := fmt.Fprintf(s.w, "%s%s\n", head, text)
	return err
}

// Source is the writer of one source.
type Source struct {
	of    *Sources
	name  string
	color int

	mu   sync.Mutex
	rest []byte // a line that has not ended
}

// longest is from how many bytes on a line is written before its end.
const longest = 64 << 10

func (s *Source) Write(text []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest = append(s.rest, text...)
	for {
		line, rest, ended := bytes.Cut(s.rest, []byte("\n"))
		if !ended && len(line) < longest {
			return len(text), nil
		}
		err := s.of.line(s.name, s.color, bytes.TrimSuffix(line, []byte("\r")))
		s.rest = bytes.Clone(rest)
		if err != nil || !ended {
			return len(text), err
		}
	}
}

// Flush writes a line that has not ended.
func (s *Source) Flush() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.rest) == 0 {
		return nil
	}
	line := s.rest
	s.rest = nil
	return s.of.line(s.name, s.color, line)
}
