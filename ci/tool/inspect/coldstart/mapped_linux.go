package coldstart

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// present and swapped are the bits of a page in /proc/PID/pagemap that say that a process has
// it. https://docs.kernel.org/admin-guide/mm/pagemap.html
const present, swapped = 1 << 63, 1 << 62

// mapped adds the blocks of the files below root that a process has in memory: what it has
// used of them, to 64 KiB. What the kernel read ahead does not count: how much that is depends
// on the disk of the machine.
func (found pages) mapped(pid int, root string) error {
	maps, err := os.Open(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		return err
	}
	defer maps.Close()
	entries, err := os.Open(fmt.Sprintf("/proc/%d/pagemap", pid))
	if err != nil {
		return err
	}
	defer entries.Close()
	for lines := bufio.NewScanner(maps); lines.Scan(); {
		a, ok := parseArea(lines.Text())
		if !ok {
			continue
		}
		name, err := filepath.Rel(root, a.file)
		if err != nil || !filepath.IsLocal(name) {
			continue
		}
		page := uint64(os.Getpagesize())
		states := make([]byte, (a.end-a.start)/page*8)
		if n, _ := entries.ReadAt(states, int64(a.start/page*8)); n < len(states) {
			continue // the process has ended, or unmapped it
		}
		for n := uint64(0); n < uint64(len(states)/8); n++ {
			if binary.NativeEndian.Uint64(states[n*8:])&(present|swapped) != 0 {
				found.add(name, int((a.offset+n*page)/BlockSize))
			}
		}
	}
	return nil
}

// area is a part of a process's memory that is a part of a file.
type area struct {
	start, end, offset uint64
	file               string
}

// parseArea reads a line of /proc/PID/maps.
func parseArea(line string) (a area, ok bool) {
	fields := strings.Fields(line) // start-end, rights, offset, device, inode, file
	if len(fields) < 6 || !strings.HasPrefix(fields[5], "/") {
		return a, false
	}
	start, end, _ := strings.Cut(fields[0], "-")
	var err [3]error
	a.start, err[0] = strconv.ParseUint(start, 16, 64)
	a.end, err[1] = strconv.ParseUint(end, 16, 64)
	a.offset, err[2] = strconv.ParseUint(fields[2], 16, 64)
	a.file = strings.Join(fields[5:], " ")
	return a, errors.Join(err[:]...) == nil
}
