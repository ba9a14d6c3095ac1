package coldstart

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// status returns a size in bytes from /proc/PID/status: VmRSS is the memory that a process
// has now, VmHWM the most it had.
func status(pid int, field string) (int64, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("read the memory of the function: %w", err)
	}
	for line := range strings.Lines(string(data)) {
		if value, ok := strings.CutPrefix(line, field+":"); ok {
			kb, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
			return kb << 10, err
		}
	}
	return 0, fmt.Errorf("read the memory of the function: /proc/%d/status has no %s", pid, field)
}

// sockets returns how many connections a process has open.
func sockets(pid int) (n int) {
	dir := fmt.Sprintf("/proc/%d/fd/", pid)
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if target, err := os.Readlink(dir + e.Name()); err == nil && strings.HasPrefix(target, "socket:") {
			n++
		}
	}
	return n
}

// children returns the processes that a process has started and that run.
func children(pid int) []int {
	var all []int
	tasks, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	for _, t := range tasks {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, t.Name()))
		for _, field := range strings.Fields(string(data)) {
			if child, err := strconv.Atoi(field); err == nil {
				all = append(all, child)
			}
		}
	}
	return all
}

// interval is how often the processes that a function starts are looked at. What one does in
// its last moment is not seen.
const interval = 2 * time.Millisecond

// tools is what the processes did that a function started, such as ffmpeg.
type tools struct {
	memory int64 // the most that one of them had
	read   pages
}

// watch looks at what the process starts until done is closed, and then sends what it saw.
func watch(pid int, root string, done <-chan struct{}) <-chan tools {
	result := make(chan tools, 1)
	go func() {
		seen := tools{read: pages{}}
		for tick := time.NewTicker(interval); ; {
			select {
			case <-done:
				tick.Stop()
				result <- seen
				return
			case <-tick.C:
				for _, child := range children(pid) {
					if size, err := status(child, "VmHWM"); err == nil {
						seen.memory = max(seen.memory, size)
					}
					_ = seen.read.mapped(child, root) // it fails if the process has just ended
				}
			}
		}
	}()
	return result
}
