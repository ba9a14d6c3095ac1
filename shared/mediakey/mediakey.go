// Package mediakey checks and makes the S3 keys of a session. A key has the form
// {session}/{folder}/{name} or {session}/{name}, and never leaves its session's prefix.
package mediakey

import (
	"path"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"lambdas.internal/shared/fault"
)

// Folders of a session.
const (
	Originals  = "originals"
	Thumbnails = "thumbnails"
	Enhanced   = "enhanced"
)

// maxLength in bytes: a key made from another key is longer, and S3 allows 1024 bytes
// (S3 user guide, "Naming Amazon S3 objects").
const maxLength = 900

// maxSession is the length of the longest session ID. It is not in the pattern: each cold start
// compiles that, and {0,63} makes it 63 times as large.
const maxSession = 64

var sessionPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]*$`)

// CheckSession returns a fault.InvalidInput unless id is 1 to 64 letters, digits,
// dashes and underscores, and starts with a letter or digit.
func CheckSession(id string) error {
	if len(id) > maxSession || !sessionPattern.MatchString(id) {
		return fault.New(fault.InvalidInput, "sessionId %q: want 1 to 64 letters, digits, '-' or '_', with a letter or digit first", clip(id))
	}
	return nil
}

// Check returns a fault.InvalidInput unless key is inside the session's prefix and is
// well formed: valid UTF-8, without control characters and backslashes, and without
// empty, "." or ".." parts.
func Check(session, key string) error {
	if err := CheckSession(session); err != nil {
		return err
	}
	invalid := func(why string) error {
		return fault.New(fault.InvalidInput, "key %q %s", clip(key), why)
	}
	switch {
	case key == "":
		return invalid("is empty")
	case len(key) > maxLength:
		return invalid("is longer than 900 bytes")
	case !utf8.ValidString(key):
		return invalid("is not valid UTF-8")
	case strings.ContainsFunc(key, func(r rune) bool { return unicode.IsControl(r) || r == '\\' }):
		return invalid("has a control character or a backslash")
	case path.Clean(key) != key || path.IsAbs(key):
		return invalid(`has an empty, "." or ".." part, or begins or ends with a slash`)
	case !strings.HasPrefix(key, session+"/"):
		return invalid("is outside session " + session)
	}
	return nil
}

// SessionOf returns the session that a key belongs to: its first element.
func SessionOf(key string) (string, error) {
	session, _, _ := strings.Cut(key, "/")
	return session, Check(session, key)
}

// Folder returns the folder of a key, or "" for a key directly under the session.
func Folder(key string) string {
	parts := strings.Split(key, "/")
	if len(parts) < 3 {
		return ""
	}
	return parts[1]
}

// Base returns the file name of a key without its extension.
func Base(key string) string {
	name := path.Base(key)
	if base := strings.TrimSuffix(name, path.Ext(name)); base != "" {
		return base
	}
	return name
}

// Thumbnail returns the key of the thumbnail that belongs to key.
func Thumbnail(session, key string) string {
	return path.Join(session, Thumbnails, Base(key)+".jpg")
}

func clip(s string) string {
	const limit = 80
	if len(s) <= limit {
		return s
	}
	return s[:limit] + "…"
}

// itemLimit is how many items one job may have.
const itemLimit = 1000

// CheckJob returns a fault.InvalidInput unless id has the form of a session id and
// item is a position from 0 to 999.
func CheckJob(id string, item int) error {
	if !sessionPattern.MatchString(id) {
		return fault.New(fault.InvalidInput, "jobId %q: want 1 to 64 letters, digits, '-' or '_', with a letter or digit first", clip(id))
	}
	if item < 0 || item >= itemLimit {
		return fault.New(fault.InvalidInput, "itemIndex %d: want 0 to %d", item, itemLimit-1)
	}
	return nil
}

// CheckItem is Check and CheckJob of an item that is one object.
func CheckItem(session, key, job string, item int) error {
	if err := Check(session, key); err != nil {
		return err
	}
	return CheckJob(job, item)
}
