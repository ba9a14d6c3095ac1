package main

import (
	"crypto/rand"
	"path"
	"regexp"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

const (
	// randomLength is how many random characters an object's name begins with.
	randomLength = 8
	// nameLimit in bytes is what is kept of the user's name: the name of a result is longer,
	// and a file system, as that of `bin/ci up`, takes 255 bytes.
	nameLimit = 150
)

var (
	// extension is the end of a name that says its type.
	extension = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`\.[A-Za-z0-9]{1,5}$`) })
	random    = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z2-7]{8}-`) })
)

// objectName makes a unique name from the user's, without its extension. It must be unique
// without the extension, because two files that differ only in that, for instance those of
// a Live Photo, would share a thumbnail.
func objectName(name string) string {
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	clean := strings.Map(kept, extension().ReplaceAllString(name, ""))
	if len(clean) > nameLimit {
		clean = clean[:nameLimit]
		for !utf8.ValidString(clean) {
			clean = clean[:len(clean)-1]
		}
	}
	clean = strings.Trim(clean, " .-")
	return strings.TrimSuffix(strings.ToLower(rand.Text()[:randomLength])+"-"+clean, "-")
}

// kept returns the character of an object's name for that of a user's: the same in every
// script, a dash for those that S3 advises against (S3 user guide, "Naming Amazon S3
// objects") or that cannot be seen.
func kept(r rune) rune {
	const joiners = "\u200c\u200d" // part of words in Persian and Hindi, and of emoji
	switch {
	case strings.ContainsRune(joiners, r):
		return r
	case strings.ContainsRune("\\{}^%`[]\"<>~#|/*?:&+;=", r), r == utf8.RuneError, !unicode.IsGraphic(r):
		return '-'
	case unicode.IsSpace(r):
		return ' '
	}
	return r
}

// fileName returns the name under which a browser saves an object: the user's, as far as
// objectName kept it.
func fileName(key string) string {
	name := path.Base(key)
	if rest := random().ReplaceAllString(name, ""); rest != "" && !strings.HasPrefix(rest, ".") {
		return rest
	}
	return name
}
