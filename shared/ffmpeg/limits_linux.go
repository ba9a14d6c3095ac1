package ffmpeg

import (
	"os/exec"
	"sync"
	"syscall"
	"unsafe"
)

// threadStack in bytes is enough for a thread of ffmpeg. Without it, C libraries give
// each thread the stack limit of the main thread, mostly 8 MB. ffmpeg starts dozens of
// threads, and the memory limit counts their stacks even if they are not used.
const threadStack = 2 << 20

// starting is locked while this process has the stack limit that a program inherits.
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
	defer func() { _ = syscall.Setrlimit(syscall.RLIMIT_STACK, &now) }() // it was the limit before, so this cannot fail
	return cmd.Start()
}

// apply gives a running process limits that it cannot raise. RLIMIT_DATA counts all
// private writable memory (Linux since 4.7). RLIMIT_AS is no alternative: it also counts
// the memory that malloc only reserves for each thread.
func (l limits) apply(pid int) error {
	for resource, value := range map[int]int64{syscall.RLIMIT_DATA: l.memory, syscall.RLIMIT_FSIZE: l.output} {
		var now syscall.Rlimit
		if err := prlimit(pid, resource, nil, &now); err != nil {
			return err
		}
		most := min(uint64(value), now.Max) // a limit that is set already cannot be raised
		if err := prlimit(pid, resource, &syscall.Rlimit{Cur: most, Max: most}, nil); err != nil {
			return err
		}
	}
	return nil
}

// prlimit is prlimit(2). The package golang.org/x/sys/unix has it too, but makes the
// binaries 1 % larger.
func prlimit(pid, resource int, set, get *syscall.Rlimit) error {
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), uintptr(resource),
		uintptr(unsafe.Pointer(set)), uintptr(unsafe.Pointer(get)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}
