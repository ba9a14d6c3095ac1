package lock

import (
	_ "embed" // the pins
	"encoding/json"
)

// pins is the lock file of the repository of this program.
//
//go:embed default.json
var pins []byte

// Default returns a lock file with the pins of the repository of this program, for a
// workspace that has none. The builder is that of the toolchain; its digest is known if it is
// the same Go version.
func Default(toolchain string) *Lock {
	l, own := New(toolchain), new(Lock)
	if err := json.Unmarshal(pins, own); err != nil {
		panic(err) // a test reads it
	}
	l.Base, l.FFmpeg, l.Static = own.Base, own.FFmpeg, own.Static
	if own.Builder.Reference == l.Builder.Reference {
		l.Builder = own.Builder
	}
	return l
}
