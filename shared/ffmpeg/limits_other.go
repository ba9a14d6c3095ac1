//go:build !linux

package ffmpeg

// apply does nothing where functions do not run.
func (limits) apply(int) error { return nil }
