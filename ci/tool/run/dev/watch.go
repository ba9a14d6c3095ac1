package dev

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// watcher watches folders and all folders in them.
type watcher struct {
	notify *fsnotify.Watcher
	tops   []string
	skip   func(dir string) bool
}

func newWatcher(skip func(dir string) bool) (*watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch the sources: %w", advise(err))
	}
	return &watcher{notify: notify, skip: skip}, nil
}

// advise says what to do if the system watches as much as it may.
func advise(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: more folders than fs.inotify.max_user_watches allows; raise it: sudo sysctl fs.inotify.max_user_watches=524288", err)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w: more programs watch than fs.inotify.max_user_instances allows; raise it: sudo sysctl fs.inotify.max_user_instances=1024", err)
	}
	return err
}

// add watches a folder and all in it that can have sources.
func (w *watcher) add(top string) error {
	err := filepath.WalkDir(top, func(name string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil // it was removed in the meantime
		case err != nil:
			return err
		case !d.IsDir():
			return nil
		case name != top && (ignored(d.Name()) || foreign(name)) || w.skip(name):
			return fs.SkipDir
		}
		if err := w.notify.Add(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return advise(err)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("watch %s: %w", top, err)
	}
	return nil
}

// follow watches these folders too.
func (w *watcher) follow(tops []string) error {
	for _, top := range tops {
		known := false
		for _, t := range w.tops {
			known = known || t == top
		}
		if known {
			continue
		}
		if err := w.add(top); err != nil {
			return err
		}
		w.tops = append(w.tops, top)
	}
	return nil
}

// concerns tells whether an event may change what functions are built from. What only may do
// so is compared with the content keys afterwards. A new folder is watched.
func (w *watcher) concerns(e fsnotify.Event) (bool, error) {
	name := filepath.Base(e.Name)
	if ignored(name) || e.Op == fsnotify.Chmod || strings.HasSuffix(name, "_test.go") {
		return false, nil
	}
	if info, err := os.Stat(e.Name); e.Has(fsnotify.Create) && err == nil && info.IsDir() {
		if foreign(e.Name) || w.skip(e.Name) {
			return false, nil
		}
		return true, w.add(e.Name)
	}
	return true, nil
}

// again watches all folders anew: the system lost events.
func (w *watcher) again() error {
	for _, top := range w.tops {
		if err := w.add(top); err != nil {
			return err
		}
	}
	return nil
}

// ignored are names that the go command ignores too, and those of editors' copies.
func ignored(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || name == "node_modules" || name == "4913" // vim
}

// foreign tells whether a folder holds what programs made: an image layout, or a cache.
func foreign(dir string) bool {
	for _, mark := range []string{"oci-layout", "CACHEDIR.TAG"} {
		if _, err := os.Stat(filepath.Join(dir, mark)); err == nil {
			return true
		}
	}
	return false
}
