package gobuild

import (
	"io/fs"
	"syscall"
	"time"
)

// changed returns when the content or another property of a file was changed last. Unlike
// the time of modification, nobody can set it.
func changed(info fs.FileInfo) time.Time {
	if stat, ok := info.Sys().(*syscall.Stat_t); ok {
		return time.Unix(stat.Ctim.Unix())
	}
	return info.ModTime()
}
