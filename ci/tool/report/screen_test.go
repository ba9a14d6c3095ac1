package report

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/require"
)

// screen is a pseudo terminal, and what a person sees on it.
type screen struct {
	*os.File // the side of the program
	person   *os.File
	width    int
	height   int

	read        []byte        // when ended is closed
	echo, ended chan struct{} // a ^C was shown; all was read
}

// newScreen opens a pseudo terminal. Its bytes are read outside of a bubble of
// synctest, since a terminal that nobody reads blocks the program.
func newScreen(t *testing.T, width, height int) *screen {
	t.Helper()
	person, program, err := pty.Open()
	require.NoError(t, err)
	require.NoError(t, pty.Setsize(program, &pty.Winsize{Cols: uint16(width), Rows: uint16(height)}))
	s := &screen{File: program, person: person, width: width, height: height, echo: make(chan struct{}), ended: make(chan struct{})}
	go func() {
		defer close(s.ended)
		echo := sync.OnceFunc(func() { close(s.echo) })
		for buffer := make([]byte, 4096); ; {
			n, err := person.Read(buffer)
			if s.read = append(s.read, buffer[:n]...); bytes.Contains(s.read, []byte("^C")) {
				echo()
			}
			if err != nil { // the program's side was closed
				return
			}
		}
	}()
	t.Cleanup(func() { s.Close(); <-s.ended; person.Close() })
	return s
}

// interrupt types Ctrl-C, which the terminal shows. No program gets a signal: a test has
// no controlling terminal.
func (s *screen) interrupt(t *testing.T) {
	_, err := io.WriteString(s.person, "\x03")
	require.NoError(t, err)
	<-s.echo
}

// now marks the point in time for [screen.seen].
func (s *screen) now() { fmt.Fprint(s.File, "\a") }

// bytes are all that were written, when the program has ended.
func (s *screen) bytes() string {
	s.Close()
	<-s.ended
	return string(s.read)
}

// seen is what is on the screen at each call of now, and at the end: its lines from the
// first on, as in a window that can be scrolled back. A | is where the cursor is.
func (s *screen) seen(t *testing.T) []string {
	var all []string
	g := grid{width: s.width, height: s.height, lines: [][]rune{nil}}
	for rest := s.bytes(); rest != ""; {
		if m := control.FindStringSubmatch(rest); m != nil {
			n, _ := strconv.Atoi(m[1])
			g.control(t, m[2], n)
			rest = rest[len(m[0]):]
			continue
		}
		r := []rune(rest)[0]
		rest = rest[len(string(r)):]
		if r == '\a' {
			all = append(all, g.String())
			continue
		}
		g.put(t, r)
	}
	return append(all, g.String())
}

var control = regexp.MustCompile(`^\x1b\[([0-9]*)([A-Z])`)

// grid are the characters of a terminal.
type grid struct {
	width, height int
	lines         [][]rune
	row, column   int
}

func (g *grid) put(t *testing.T, r rune) {
	switch {
	case r == '\r':
		g.column = 0
	case r == '\n':
		if g.row++; g.row == len(g.lines) {
			g.lines = append(g.lines, nil)
		}
	default:
		require.GreaterOrEqual(t, r, ' ', "%q is not understood", r)
		if g.column == g.width {
			g.put(t, '\n')
			g.column = 0
		}
		for len(g.lines[g.row]) <= g.column {
			g.lines[g.row] = append(g.lines[g.row], ' ')
		}
		g.lines[g.row][g.column] = r
		g.column++
	}
}

func (g *grid) control(t *testing.T, command string, n int) {
	switch command {
	case "A":
		top := max(len(g.lines)-g.height, 0) // what is above cannot be reached
		g.row = max(g.row-n, top)
	case "J":
		for row := g.row + 1; row < len(g.lines); row++ {
			g.lines[row] = nil
		}
		fallthrough
	case "K":
		g.lines[g.row] = g.lines[g.row][:min(g.column, len(g.lines[g.row]))]
	default:
		require.Fail(t, "the control sequence "+command+" is not understood")
	}
}

func (g *grid) String() string {
	var b strings.Builder
	for row, line := range g.lines {
		text := string(line)
		if row == g.row {
			text += strings.Repeat(" ", max(g.column-len(line), 0)) + "|"
		}
		b.WriteString(text + "\n")
	}
	return strings.TrimRight(b.String(), "\n")
}
