//go:build !linux

package ffmpeg

import "os/exec"

func (limits) start(cmd *exec.Cmd) error { return cmd.Start() }

// apply does nothing: functions run only on Linux.
func (limits) apply(int) error { return nil }
