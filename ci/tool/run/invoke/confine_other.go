//go:build !linux

package invoke

import (
	"errors"
	"os/exec"
)

// confine fails: the files of an image are for Linux.
func confine(string) error { return errors.ErrUnsupported }

func chroot(*exec.Cmd, string) {}
