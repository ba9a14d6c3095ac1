package cache_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/cache"
)

func TestPrivate(t *testing.T) {
	const others = 4711 // a user and a group that no machine has
	root := os.Geteuid() == 0
	for name, c := range map[string]struct {
		mode    map[string]os.FileMode // of folders below the temporary one
		uid     map[string]int
		gid     map[string]int
		problem string
	}{
		"ours":                                  {mode: map[string]os.FileMode{"c": 0o755}},
		"not there yet":                         {},
		"for everybody":                         {mode: map[string]os.FileMode{"c": 0o777}, problem: "every user may write to DIR/c"},
		"for everybody, with the sticky bit":    {mode: map[string]os.FileMode{"c": 0o777 | os.ModeSticky}, problem: "every user may write to DIR/c"},
		"records for everybody":                 {mode: map[string]os.FileMode{"c/records": 0o757}, problem: "every user may write to DIR/c/records"},
		"blobs for everybody":                   {mode: map[string]os.FileMode{"c/blobs/sha256": 0o777}, problem: "every user may write to DIR/c/blobs/sha256"},
		"in a folder for everybody":             {mode: map[string]os.FileMode{".": 0o777, "c": 0o755}, problem: "every user may write to DIR"},
		"in a folder like /tmp":                 {mode: map[string]os.FileMode{".": 0o777 | os.ModeSticky, "c": 0o755}},
		"for the group of its user":             {mode: map[string]os.FileMode{"c": 0o775}},
		"for another group":                     {mode: map[string]os.FileMode{"c": 0o775}, gid: map[string]int{"c": others}, problem: "the group 4711 may write to DIR/c"},
		"another group that may only read":      {mode: map[string]os.FileMode{"c": 0o755}, gid: map[string]int{"c": others}},
		"of another user":                       {mode: map[string]os.FileMode{"c": 0o755}, uid: map[string]int{"c": others}, problem: "DIR/c belongs to another user, 4711"},
		"binaries of another user":              {mode: map[string]os.FileMode{"c/binaries": 0o755}, uid: map[string]int{"c/binaries": others}, problem: "DIR/c/binaries belongs to another user, 4711"},
		"of root, in another's folder, mounted": {mode: map[string]os.FileMode{"c": 0o755}, uid: map[string]int{".": others}},
	} {
		t.Run(name, func(t *testing.T) {
			if !root && len(c.uid)+len(c.gid) > 0 {
				return // only root can give a folder away
			}
			dir := t.TempDir()
			for folder := range c.mode {
				require.NoError(t, os.MkdirAll(filepath.Join(dir, folder), 0o755))
			}
			for folder, mode := range c.mode {
				require.NoError(t, os.Chmod(filepath.Join(dir, folder), mode))
			}
			for folder, uid := range c.uid {
				require.NoError(t, os.Chown(filepath.Join(dir, folder), uid, -1))
			}
			for folder, gid := range c.gid {
				require.NoError(t, os.Chown(filepath.Join(dir, folder), -1, gid))
			}

			err := cache.Private(filepath.Join(dir, "c"))

			if c.problem == "" {
				require.NoError(t, err)
				return
			}
			require.Error(t, err)
			assert.Equal(t, strings.ReplaceAll(c.problem, "DIR", dir), err.Error())
		})
	}

	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "open", "c"), 0o755))
	require.NoError(t, os.Chmod(filepath.Join(dir, "open"), 0o777))
	require.NoError(t, os.Symlink(filepath.Join(dir, "open", "c"), filepath.Join(dir, "link")))
	require.ErrorContains(t, cache.Private(filepath.Join(dir, "link")), "every user may write to "+filepath.Join(dir, "open"))
}
