package fault

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// Detail is an argument of [New] that only the log shows, for instance the name of a bucket.
type Detail string

// texts are the messages of errors that say nothing a user may read.
var texts = map[Kind]string{
	DeadlineExceeded: "the time ran out; try again",
	Transient:        "a service did not answer as it should; try again later",
	Configuration:    "the function is set up wrongly; its log says how",
	NotFound:         "it does not exist",
	Conflict:         "its state does not allow that",
	InvalidInput:     "the request or the file cannot be used",
	Unauthorized:     "the caller did not prove who it is",
	SafetyBlocked:    "the model refused the content",
	Internal:         "an internal error; the log says which",
}

// Known tells whether kind is one of this package.
func Known(kind string) bool { return texts[Kind(kind)] != "" }

// Message returns what a user may read of err: the words of the outermost [Error] in its
// chain, without the causes that are no Error themselves, and without a [Detail]. Such
// causes are written by libraries for the log: requests, addresses, Go types. The message
// of an Internal error says nothing but that.
func Message(err error) string {
	if err == nil {
		return ""
	}
	kind := KindOf(err)
	e, ok := errors.AsType[*Error](err)
	if !ok || kind == Internal {
		return texts[kind]
	}
	if text := e.message(); text != "" {
		return text
	}
	return texts[kind]
}

// hidden stands for what a message does not show, until it is cut out.
const hidden = "\x00"

// cuts remove what is hidden, together with the punctuation that introduces it.
var cuts = strings.NewReplacer(": "+hidden, "", " ("+hidden+")", "", hidden, "")

func (e *Error) message() string {
	args := make([]any, len(e.args))
	for i, arg := range e.args {
		switch v := arg.(type) {
		case Detail:
			args[i] = hidden
		case error:
			args[i] = hidden
			if inner, ok := errors.AsType[*Error](v); ok {
				args[i] = inner.message()
			}
		default:
			args[i] = arg
		}
	}
	text := cuts.Replace(fmt.Sprintf(strings.ReplaceAll(e.format, "%w", "%v"), args...))
	return strings.Trim(internals().ReplaceAllString(text, "the file"), ": \n")
}

// internals are what a program that the function runs says about the function's own disk.
var internals = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`(?:file:)?/(?:tmp|var|proc)/[^\s'":,;)]*`) })
