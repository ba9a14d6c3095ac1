// Package sample has events of the kinds that call Lambda functions most often.
package sample

import (
	"embed"
	"path"
	"slices"
	"strings"
)

//go:embed events
var files embed.FS

// Kinds are the kinds of event, by name.
func Kinds() []string {
	entries, _ := files.ReadDir("events") // cannot fail: it is embedded
	var kinds []string
	for _, e := range entries {
		kinds = append(kinds, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	slices.Sort(kinds)
	return kinds
}

// Event returns an event of a kind.
func Event(kind string) (event []byte, ok bool) {
	event, err := files.ReadFile("events/" + kind + ".json")
	return event, err == nil && !strings.Contains(kind, "/")
}
