package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// stopped is the error of a publish that says what was not done, and whether the same command
// goes on.
type stopped struct {
	error
	rest string
}

func (s stopped) Unwrap() error { return s.error }

func (s stopped) Error() string {
	text := s.error.Error()
	if text == context.Canceled.Error() {
		text = "interrupted"
	}
	return text + "\n" + s.rest
}

// Stopped adds to the error of a publish what was not done, and whether the same command goes
// on; once.
func Stopped(err error, undone string) error {
	var told stopped
	if err == nil || errors.As(err, &told) {
		return err
	}
	separator := "; "
	if strings.Contains(undone, "\n") { // a list
		separator = "\n"
	}
	return stopped{err, undone + separator + again(err)}
}

// Interrupted is what is left to say of an error that came after an interrupt: that of a publish
// that had begun to send, else nothing.
func Interrupted(err error) error {
	var told stopped
	if errors.As(err, &told) {
		return err
	}
	return context.Canceled
}

// later is an error after which the same command may succeed.
type later string

func (l later) Error() string { return string(l) }

func (l later) Passing() bool { return true }

// errTaken is a commit tag that names another image.
var errTaken = errors.New("a commit tag never changes")

// again says whether the same command goes on.
func again(err error) string {
	switch {
	case errors.Is(err, errTaken):
		return "the same command fails again"
	case passes(err):
		return "run the same command again to continue where it stopped"
	default:
		return "the same command fails again until that is changed, and then continues where it stopped"
	}
}

// passes tells whether all that failed may succeed later without a change. Nothing is at fault
// after an interrupt.
func passes(err error) bool {
	for e := err; e != nil; e = errors.Unwrap(e) {
		all, ok := e.(interface{ Unwrap() []error })
		// fmt.Errorf too wraps several errors, but these are about one thing.
		if ok && fmt.Sprintf("%T", e) == "*errors.joinError" {
			for _, one := range all.Unwrap() {
				if !passes(one) {
					return false
				}
			}
			return true
		}
	}
	var known interface{ Passing() bool } // of the registry, or of AWS
	return errors.Is(err, context.Canceled) || errors.As(err, &known) && known.Passing()
}
