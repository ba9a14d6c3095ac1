package report

import "strings"

// Line returns a text in one line, with one space where others were.
func Line(text string) string { return strings.Join(strings.Fields(text), " ") }

// InLine returns an error from outside whose message is one line: what its lines say could
// be taken for lines of ours.
func InLine(err error) error {
	if text := err.Error(); text != Line(text) {
		return inLine{err}
	}
	return err
}

type inLine struct{ error }

func (e inLine) Error() string { return Line(e.error.Error()) }

func (e inLine) Unwrap() error { return e.error }
