//go:build !linux

package invoke

import "errors"

// QEMU fails: QEMU runs the programs of Linux on Linux only.
func QEMU(string) (string, error) { return "", errors.ErrUnsupported }

// InQEMU changes nothing.
func InQEMU(string, string) func(Process) Process { return func(p Process) Process { return p } }
