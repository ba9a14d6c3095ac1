// Package watch tells when files that functions may be built from are saved.
package watch

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/fsnotify/fsnotify"
)

// Watcher watches folders and all folders in them.
type Watcher struct {
	notify *fsnotify.Watcher
	skip   func(dir string) bool

	mu   sync.Mutex
	tops []string
}

// New returns a watcher that leaves out the folders for which skip is true.
func New(skip func(dir string) bool) (*Watcher, error) {
	notify, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, fmt.Errorf("watch the sources: %w", advise(err))
	}
	return &Watcher{notify: notify, skip: skip}, nil
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
func (w *Watcher) add(top string) error {
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

// Follow watches these folders too.
func (w *Watcher) Follow(tops []string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, top := range tops {
		if slices.Contains(w.tops, top) {
			continue
		}
		if err := w.add(top); err != nil {
			return err
		}
		w.tops = append(w.tops, top)
	}
	return nil
}

// Close ends [Watcher.Run].
func (w *Watcher) Close() error { return w.notify.Close() }

// Run calls saved after each event that may matter, and complain with what it could not watch,
// until Close.
func (w *Watcher) Run(saved func(), complain func(error)) {
	for {
		select {
		case e, ok := <-w.notify.Events:
			if !ok {
				return
			}
			concerns, err := w.concerns(e)
			if err != nil {
				complain(err)
			}
			if concerns {
				saved()
			}
		case err, ok := <-w.notify.Errors:
			if !ok {
				return
			}
			complain(fmt.Errorf("watch the sources: %w", err))
			if err := w.again(); err != nil {
				complain(err)
			}
			saved()
		}
	}
}

// concerns tells whether an event may change what functions are built from. What only may do
// so is compared with the content keys afterwards. A new folder is watched.
func (w *Watcher) concerns(e fsnotify.Event) (bool, error) {
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
func (w *Watcher) again() error {
	w.mu.Lock()
	defer w.mu.Unlock()
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
