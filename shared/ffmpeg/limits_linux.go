package ffmpeg

import (
	"os/exec"
	"sync"
	"syscall"
	"unsafe"
)

// threadStack in bytes is what a thread of ffmpeg needs. C libraries give each the
// limit of the main thread's stack, mostly 8 MB, and ffmpeg starts dozens: untouched, but
// counted.
const threadStack = 2 << 20

// starting is held while this process has the limits that a program is to inherit.
var starting sync.Mutex

// start starts a program with small stacks.
func (limits) start(cmd *exec.Cmd) error {
	starting.Lock()
	defer starting.Unlock()
	var now syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_STACK, &now); err != nil {
		return err
	}
	small := syscall.Rlimit{Cur: min(threadStack, now.Cur), Max: now.Max}
	if err := syscall.Setrlimit(syscall.RLIMIT_STACK, &small); err != nil {
		return err
	}
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_STACK, &now) }() // it was so before
	return cmd.Start()
}

// apply bounds a running process by limits that it cannot raise. RLIMIT_DATA counts all
// memory that is private and writable (Linux since 4.7), and unlike RLIMIT_AS not what
// malloc only reserves for each thread.
func (l limits) apply(pid int) error {
	for resource, value := range map[int]int64{syscall.RLIMIT_DATA: l.memory, syscall.RLIMIT_FSIZE: l.output} {
		var now syscall.Rlimit
		if err := prlimit(pid, resource, nil, &now); err != nil {
			return err
		}
		most := min(uint64(value), now.Max) // what is set already may not be raised
		if err := prlimit(pid, resource, &syscall.Rlimit{Cur: most, Max: most}, nil); err != nil {
			return err
		}
	}
	return nil
}

// prlimit is prlimit(2). The package golang.org/x/sys/unix has it too, and makes the
// binaries 1 % larger.
func prlimit(pid, resource int, set, get *syscall.Rlimit) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), uintptr(resource),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
