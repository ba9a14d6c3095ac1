package lock_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

// root is this repository.
const root = "../../../.."

func TestLoadAndSaveKeepTheBytes(t *testing.T) {
	want, err := os.ReadFile(filepath.Join(root, lock.File))
	require.NoError(t, err)
	l, err := lock.Load(root)
	require.NoError(t, err)
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{lock.File: "before"})

	require.NoError(t, l.Save(dir))

	assert.Equal(t, map[string]string{lock.File: string(want)}, testkit.Tree(t, dir))
}

func TestTheLockOfThisRepository(t *testing.T) {
	l, err := lock.Load(root)
	require.NoError(t, err)
	for name, i := range l.Images() {
		assert.NotEqual(t, i.Digest == "", i.Unresolved == "", "%s has a digest, or says why not", name)
	}
	for _, arch := range []string{"amd64", "arm64"} {
		require.Contains(t, l.Static, arch)
		for _, p := range []lock.Package{l.Static[arch].FFmpeg, l.Static[arch].FFprobe} {
			assert.NotEmpty(t, p.Name)
			assert.NotEmpty(t, p.Version)
			assert.Regexp(t, `^sha512-[A-Za-z0-9+/]{86}==$`, p.Integrity)
		}
	}
}

func TestLoadRefuses(t *testing.T) {
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	const good = `{"base": {"reference": "r/base:1", "digest": "` + digest + `"}, "ffmpeg": {"reference": "r/ffmpeg:1"}, "builder": {"reference": "r/go:1"}, ` +
		`"static": {"amd64": {"ffmpeg": {"name": "f", "version": "1", "integrity": "sha512-x"}, "ffprobe": {"name": "p", "version": "1", "integrity": "sha512-x"}}}}`
	for name, c := range map[string]struct{ from, to, want string }{
		"an unknown field":     {`"digest"`, `"digets"`, `ci/images.lock.json: base.digets: is not a field of base (did you mean "digest"?); the fields are reference, digest, source, unresolved`},
		"a cut-off file":       {`}}}}`, `}}`, "ci/images.lock.json: line 1: not valid JSON: unexpected end of JSON input"},
		"more than one object": {`}}}}`, `}}}} {}`, "ci/images.lock.json: line 1: not valid JSON: invalid character '{' after top-level value"},
		"a bad digest":         {digest, "sha256:123", `ci/images.lock.json: base.digest: "sha256:123" is not a digest; run ` + "`bin/ci lock`"},
		"a missing reference":  {`"reference": "r/ffmpeg:1"`, ``, "ci/images.lock.json: ffmpeg.reference: is missing; name registry/repository:tag"},
		"a bad reference":      {"r/go:1", "R/GO!", `ci/images.lock.json: builder.reference: "R/GO!" is not an image; name registry/repository:tag`},
		"a digest in the reference": {"r/ffmpeg:1", "r/ffmpeg@" + digest,
			`ci/images.lock.json: ffmpeg.reference: "r/ffmpeg@` + digest + `" is not an image; name registry/repository:tag`},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			require.Contains(t, good, c.from)
			testkit.Write(t, dir, map[string]string{lock.File: strings.Replace(good, c.from, c.to, 1)})

			_, err := lock.Load(dir)

			require.EqualError(t, err, c.want)
		})
	}
	t.Run("nothing else", func(t *testing.T) {
		dir := t.TempDir()
		testkit.Write(t, dir, map[string]string{lock.File: good})
		l, err := lock.Load(dir)
		require.NoError(t, err)
		assert.Equal(t, "r/base:1@"+digest, l.Base.Pinned())
		assert.Equal(t, "r/ffmpeg:1", l.FFmpeg.Pinned())
	})
}

func TestLoadWithSeveralProblemsReportsAlwaysTheSame(t *testing.T) {
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{lock.File: "{}"})
	for range 20 {
		_, err := lock.Load(dir)
		require.EqualError(t, err, "ci/images.lock.json: base.reference: is missing; name registry/repository:tag")
	}
}

func TestTheLockFileIsMissing(t *testing.T) {
	_, err := lock.Load(t.TempDir())
	require.ErrorIs(t, err, lock.ErrMissing)
	require.ErrorContains(t, err, "make it: bin/ci lock")
}

func TestTheLockFileIsANamedPipe(t *testing.T) {
	root := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(root, "ci"), 0o700))
	testkit.Fifo(t, filepath.Join(root, lock.File))

	_, err := lock.Load(root)

	assert.EqualError(t, err, "ci/images.lock.json: is a named pipe; put a regular file here")
}

func TestImagesAreChangedInPlace(t *testing.T) {
	var l lock.Lock

	l.Images()["ffmpeg"].Digest = "changed"

	assert.Equal(t, "changed", l.FFmpeg.Digest)
	assert.Len(t, l.Images(), 3)
}

func TestSaveThatFails(t *testing.T) {
	var l lock.Lock
	dir := t.TempDir()

	testkit.Write(t, dir, map[string]string{"ci": "a file where the folder is to be"})

	err := l.Save(dir)

	require.ErrorContains(t, err, "write the lock file: ")
	assert.NotContains(t, err.Error(), "\n")
	assert.Len(t, testkit.Tree(t, dir), 1)
}
