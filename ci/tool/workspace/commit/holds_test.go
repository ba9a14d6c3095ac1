package commit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// reading reads files, as a build does. Those of a folder are all that are in it.
func reading(root string, names ...string) func(fs.FS) (map[string]string, error) {
	return func(fsys fs.FS) (map[string]string, error) {
		states := map[string]string{}
		for _, name := range names {
			files := []string{place(filepath.Join(root, name))}
			if entries, err := fs.ReadDir(fsys, files[0]); err == nil {
				dir := files[0]
				files = nil
				for _, e := range entries {
					files = append(files, dir+"/"+e.Name())
				}
			}
			for _, file := range files {
				data, err := fs.ReadFile(fsys, file)
				if errors.Is(err, fs.ErrNotExist) {
					continue
				}
				if err != nil {
					return nil, err
				}
				states[file] = string(data)
			}
		}
		return states, nil
	}
}

func TestHolds(t *testing.T) {
	sum := sha256.Sum256([]byte("large"))
	oid := hex.EncodeToString(sum[:])
	pointer := "version https://git-lfs.github.com/spec/v1\noid sha256:" + oid + "\nsize 5\n"
	for name, c := range map[string]struct {
		change func(r repository)
		want   string // the message
	}{
		"all is committed": {func(repository) {}, ""},
		"an ignored file": {func(r repository) { r.write(".git/info/exclude", "new.go\n"); r.write("one/new.go", "new") },
			"one/new.go is built into an image, but is not in commit HEAD, maybe because it is ignored; commit it: git add -f one/new.go && git commit, or pass --allow-dirty"},
		"assume-unchanged": {func(r repository) {
			r.git("update-index", "--assume-unchanged", "one/a.go")
			r.write("one/a.go", "other")
		},
			"one/a.go is not as in commit HEAD, although git status may not show it"},
		"skip-worktree, and removed": {func(r repository) {
			r.git("update-index", "--skip-worktree", "one/a.go")
			require.NoError(t, os.Remove(filepath.Join(r.root, "one", "a.go")))
		}, "one/a.go is in commit HEAD, but not in the work tree, so the images are not of that commit; check it out: git checkout HEAD -- one/a.go, or pass --allow-dirty"},
		"a filter that changes files": {func(r repository) {
			r.git("config", "filter.change.clean", "echo one")
			r.git("config", "filter.change.smudge", "cat")
			r.write(".git/info/attributes", "one/a.go filter=change\n")
			r.write("one/a.go", "changed by a filter")
		}, "one/a.go is not as in commit HEAD"},
		"a link to a committed file": {func(r repository) {
			require.NoError(t, os.Symlink("../two/b.go", filepath.Join(r.root, "one", "b.go")))
			r.commit()
		}, ""},
		"a link to a committed folder": {func(r repository) {
			require.NoError(t, os.RemoveAll(filepath.Join(r.root, "one")))
			require.NoError(t, os.Symlink("two", filepath.Join(r.root, "one")))
			r.commit()
		}, ""},
		"a link to an ignored file": {func(r repository) {
			r.write(".gitignore", "ignored\n")
			r.write("ignored", "x")
			require.NoError(t, os.Symlink("../ignored", filepath.Join(r.root, "one", "b.go")))
			r.commit()
		}, "one/b.go is built into an image, but is not in commit HEAD"},
		"a link out of the repository": {func(r repository) {
			outside := filepath.Join(t.TempDir(), "outside.go")
			require.NoError(t, os.WriteFile(outside, []byte("x"), 0o644))
			require.NoError(t, os.Symlink(outside, filepath.Join(r.root, "one", "b.go")))
			r.commit()
		}, "outside.go, which is outside of the repository, so no commit holds it; move it into the repository, or pass --allow-dirty"},
		"a file of Git LFS": {func(r repository) {
			r.write("one/large", pointer)
			r.commit()
			r.git("update-index", "--assume-unchanged", "one/large")
			r.write("one/large", "large")
			r.write(".git/lfs/objects/"+oid[:2]+"/"+oid[2:4]+"/"+oid, "large")
		}, ""},
		"a file of Git LFS with other content": {func(r repository) {
			r.write("one/large", pointer)
			r.commit()
			r.git("update-index", "--assume-unchanged", "one/large")
			r.write("one/large", "other")
			r.write(".git/lfs/objects/"+oid[:2]+"/"+oid[2:4]+"/"+oid, "large")
		}, "one/large is not as in commit HEAD"},
		"an object that replaces another": {func(r repository) {
			before := r.git("rev-parse", "HEAD")
			r.write("one/a.go", "replaced")
			r.git("replace", before, r.commit())
			r.git("reset", "-q", "--soft", before)
		}, "one/a.go is not as in commit HEAD"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRepository(t, map[string]string{"one/a.go": "one", "two/b.go": "two"})
			c.change(r)

			err := Holds(t.Context(), r.root, "HEAD", reading(r.root, "one"))

			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestHoldsWithoutARepository(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, Holds(t.Context(), dir, "abc1234", reading(dir, "none")))
}

// withSubmodule returns a repository that has another as a submodule, and a workspace in
// a folder of its own.
func withSubmodule(t *testing.T) repository {
	library := newRepository(t, map[string]string{"words/w.go": "words"})
	r := newRepository(t, map[string]string{"workspace/a.go": "one", "workspace/run": "program"})
	require.NoError(t, os.Chmod(filepath.Join(r.root, "workspace", "run"), 0o755))
	require.NoError(t, os.Symlink("a.go", filepath.Join(r.root, "workspace", "link.go")))
	r.git("submodule", "--quiet", "add", library.root, "workspace/library")
	r.commit()
	return r
}

func TestHoldsASubmodule(t *testing.T) {
	r := withSubmodule(t)
	root := filepath.Join(r.root, "workspace")
	read := reading(root, "library/words", "a.go", "link.go")
	require.NoError(t, Holds(t.Context(), root, "HEAD", read))

	r.write("workspace/library/words/w.go", "changed")
	require.ErrorContains(t, Holds(t.Context(), root, "HEAD", read), "library/words/w.go is not as in commit HEAD")
}

func TestExport(t *testing.T) {
	r := withSubmodule(t)
	commit := r.git("rev-parse", "HEAD")
	r.write("workspace/a.go", "two")
	r.write("workspace/new.go", "")
	r.git("config", "core.hooksPath", "hooks")

	dir, remove, err := Export(t.Context(), filepath.Join(r.root, "workspace"), commit)

	require.NoError(t, err)
	for name, want := range map[string]string{"a.go": "one", "link.go": "one", "run": "program", "library/words/w.go": "words"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		assert.Equal(t, want, string(got), name)
	}
	target, err := os.Readlink(filepath.Join(dir, "link.go"))
	require.NoError(t, err)
	assert.Equal(t, "a.go", target)
	info, err := os.Stat(filepath.Join(dir, "run"))
	require.NoError(t, err)
	assert.Equal(t, fs.FileMode(0o755), info.Mode())
	assert.NoFileExists(t, filepath.Join(dir, "new.go"))
	require.NoError(t, remove())
	assert.NoDirExists(t, dir)
	assert.Equal(t, "two", read(t, filepath.Join(r.root, "workspace", "a.go")), "the work tree is as it was")

	_, _, err = Export(t.Context(), r.root, "abcdef1")
	require.EqualError(t, err, "check out commit abcdef1: this repository does not have it; fetch it (a shallow clone has only the last commits)")
	_, _, err = Export(t.Context(), t.TempDir(), "abcdef1")
	require.EqualError(t, err, "check out commit abcdef1: there is no git repository here")
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(data)
}
