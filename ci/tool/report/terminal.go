package report

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"
)

// frame is how often what a terminal shows is updated.
const frame = 200 * time.Millisecond

// Terminal is a writer to a terminal. Below all that is written, it shows a line for each
// step that runs. The cursor always stands at the start of the line below: so whatever
// ends the program, and whatever is typed, the terminal stays clean.
type Terminal struct {
	mu    sync.Mutex
	w     io.Writer
	size  func() (width, height int, err error)
	steps []*step   // in the order in which they were first shown
	shown []string  // the lines of the steps on the screen
	last  time.Time // when they were drawn
	open  bool      // what was written last does not end a line
	rest  []byte    // the beginning of a character whose end is still to come
}

// OnTerminal returns a [Terminal] if the file is one that lines can be updated on, else
// a [Printable] writer to the file.
func OnTerminal(f *os.File) io.Writer {
	terminal := os.Getenv("TERM")
	if terminal == "" || terminal == "dumb" || os.Getenv("NO_COLOR") != "" || os.Getenv("CI") != "" || !term.IsTerminal(int(f.Fd())) {
		return Printable(f)
	}
	return &Terminal{w: f, size: func() (int, int, error) { return term.GetSize(int(f.Fd())) }}
}

// Write writes text above the lines of the steps, in the way of [Printable].
func (t *Terminal) Write(text []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	all := append(t.rest, text...)
	end := whole(all)
	t.rest = append([]byte(nil), all[end:]...)
	return len(text), t.draw(escape(string(all[:end])))
}

// show shows or updates the line of a step, and those of all others.
func (t *Terminal) show(s *step) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if slices.Contains(t.steps, s) {
		if time.Since(t.last) < frame/2 { // with those of another step
			return
		}
	} else {
		t.steps = append(t.steps, s)
	}
	_ = t.draw("") // a terminal that is gone is no reason to stop
}

// end replaces the line of a step by one that stays.
func (t *Terminal) end(s *step, head, tail string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.steps = slices.DeleteFunc(t.steps, func(other *step) bool { return other == s })
	width, _ := t.dimensions()
	_ = t.draw(cut(head, tail, width) + "\n")
}

// draw writes text, and below it the lines of the steps, in one write.
func (t *Terminal) draw(text string) error {
	if text != "" {
		t.open = !strings.HasSuffix(text, "\n")
	}
	var lines []string
	if width, height := t.dimensions(); !t.open { // else the line has to end first
		for _, s := range t.steps[:min(len(t.steps), height-1)] { // the cursor cannot go above the screen
			head, tail := s.running()
			lines = append(lines, cut(head, tail, width))
		}
	}
	t.last = time.Now()
	if text == "" && slices.Equal(lines, t.shown) {
		return nil
	}
	var b strings.Builder
	if len(t.shown) > 0 {
		fmt.Fprintf(&b, "\x1b[%dA\r", len(t.shown)) // up
		if text != "" || len(lines) < len(t.shown) {
			b.WriteString("\x1b[J") // clear to the end of the screen
		}
	}
	b.WriteString(text)
	for _, line := range lines {
		b.WriteString(line + "\x1b[K\n") // clear to the end of the line
	}
	t.shown = lines
	_, err := io.WriteString(t.w, b.String())
	return err
}

// dimensions are those of the terminal, which may change at any time.
func (t *Terminal) dimensions() (width, height int) {
	width, height, err := t.size()
	if err != nil || width <= 0 || height <= 0 { // a serial line knows no size
		return 80, 24
	}
	return width, height
}

// cut makes a line fit the width, without the last column: there, some terminals begin
// a new line. It shortens head first.
func cut(head, tail string, width int) string {
	h, t := []rune(escape(head)), []rune(escape(tail))
	width = max(width-1, 1)
	if over := len(h) + len(t) - width; over > 0 {
		h = append(h[:max(len(h)-over-1, 0)], '…')
	}
	line := append(h, t...)
	return string(line[:min(len(line), width)])
}
