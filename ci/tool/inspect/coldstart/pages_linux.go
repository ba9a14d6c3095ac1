package coldstart

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unsafe"

	"golang.org/x/sys/unix"
)

// forget has the kernel drop the files below root from the page cache, so that the next
// reader finds none of them in memory.
func forget(root string) error {
	return eachFile(root, func(_ string, f *os.File, _ int64) error {
		if err := f.Sync(); err != nil { // a page that is not written cannot be dropped
			return err
		}
		return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	})
}

// cached returns the blocks of the files below root that are in the page cache: after forget,
// those that were read since, with what the kernel read ahead.
func cached(root string) (pages, error) {
	found := pages{}
	err := eachFile(root, func(name string, f *os.File, size int64) error {
		content, err := unix.Mmap(int(f.Fd()), 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
		if err != nil {
			return err
		}
		page := os.Getpagesize()
		states := make([]byte, (len(content)+page-1)/page)
		_, _, failed := unix.Syscall(unix.SYS_MINCORE, uintptr(unsafe.Pointer(&content[0])), uintptr(len(content)), uintptr(unsafe.Pointer(&states[0])))
		if err := unix.Munmap(content); err != nil {
			return err
		}
		if failed != 0 {
			return failed
		}
		for n, state := range states {
			if state&1 != 0 {
				found.add(name, n*page/BlockSize)
			}
		}
		return nil
	})
	return found, err
}

// eachFile opens every file below root that is not empty.
func eachFile(root string, do func(name string, f *os.File, size int64) error) error {
	return filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		f, err := os.Open(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the function removed it meanwhile
		}
		if err != nil {
			return err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil || info.Size() == 0 {
			return err
		}
		if err := do(name, f, info.Size()); err != nil {
			return fmt.Errorf("ask the kernel about %s: %w", name, err)
		}
		return nil
	})
}
