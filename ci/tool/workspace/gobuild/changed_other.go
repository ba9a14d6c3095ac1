//go:build !linux

package gobuild

import (
	"io/fs"
	"time"
)

// changed returns when the content of a file was changed last.
func changed(info fs.FileInfo) time.Time { return info.ModTime() }
