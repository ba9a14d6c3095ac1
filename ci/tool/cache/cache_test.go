package cache_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/internal/testkit"
)

func newCache(t *testing.T) (*cache.Cache, string) {
	t.Helper()
	dir := t.TempDir()
	c, err := cache.New(dir)
	require.NoError(t, err)
	return c, dir
}

func writes(text string) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := io.WriteString(w, text)
		return err
	}
}

func digestOf(text string) v1.Hash {
	sum := sha256.Sum256([]byte(text))
	return v1.Hash{Algorithm: "sha256", Hex: hex.EncodeToString(sum[:])}
}

func TestPutKeepsABlobUnderItsDigest(t *testing.T) {
	c, dir := newCache(t)
	for name, put := range map[string]func(text string) (v1.Hash, error){
		"Put": func(text string) (v1.Hash, error) {
			h, n, err := c.Put(writes(text))
			assert.EqualValues(t, len(text), n)
			return h, err
		},
		"PutBytes": func(text string) (v1.Hash, error) { return c.PutBytes([]byte(text)) },
	} {
		t.Run(name, func(t *testing.T) {
			digest, err := put(name)

			require.NoError(t, err)
			assert.Equal(t, digestOf(name), digest)
			data, err := os.ReadFile(c.Blob(digest))
			require.NoError(t, err)
			assert.Equal(t, name, string(data))
			assert.True(t, c.Has(digest, int64(len(name))))
			assert.False(t, c.Has(digest, int64(len(name))-1), "another size")
			info, err := os.Stat(c.Blob(digest))
			require.NoError(t, err)
			assert.Equal(t, os.FileMode(0o444), info.Mode().Perm(), "dist/ links to it, so nobody may write to it")
			testkit.NoLeftovers(t, dir)

			again, err := put(name)
			require.NoError(t, err)
			assert.Equal(t, digest, again)
		})
	}
}

func TestHasWhatIsNotThere(t *testing.T) {
	c, dir := newCache(t)
	assert.False(t, c.Has(digestOf("x"), 1))

	require.NoError(t, os.Mkdir(c.Blob(digestOf("x")), 0o755))
	info, err := os.Stat(c.Blob(digestOf("x")))
	require.NoError(t, err)
	assert.False(t, c.Has(digestOf("x"), info.Size()), "a folder is no blob")
	assert.Equal(t, filepath.Join(dir, "a", "b"), c.Path("a", "b"))
}

func TestPutThatFailsLeavesNothing(t *testing.T) {
	c, dir := newCache(t)
	broken := errors.New("the source broke")

	_, _, err := c.Put(func(w io.Writer) error {
		_, _ = io.WriteString(w, "half")
		return broken
	})

	require.ErrorIs(t, err, broken)
	assert.Empty(t, testkit.Tree(t, dir))
}

func TestPutOfTheSameBlobSideBySide(t *testing.T) {
	c, dir := newCache(t)
	text := strings.Repeat("the same ", 10_000)
	var all errgroup.Group
	for n := range 16 {
		all.Go(func() (err error) {
			var digest v1.Hash
			if n%2 == 0 {
				digest, _, err = c.Put(writes(text))
			} else {
				digest, err = c.PutBytes([]byte(text))
			}
			assert.Equal(t, digestOf(text), digest)
			return err
		})
	}
	require.NoError(t, all.Wait())

	assert.Equal(t, map[string]string{"blobs/sha256/" + digestOf(text).Hex: text}, testkit.Tree(t, dir))
}

func TestRecords(t *testing.T) {
	type value struct{ Name string }
	for name, tc := range map[string]struct {
		content string // of the record's file; none to leave it out
		ok      bool
	}{
		"good":             {`{"time": "2020-01-02T03:04:05Z", "value": {"Name": "x"}}`, true},
		"missing":          {"", false},
		"cut off":          {`{"time": "2020-01-02T0`, false},
		"of another shape": {`{"time": "2020-01-02T03:04:05Z", "value": ["x"]}`, false},
		"without a value":  {`{"time": "2020-01-02T03:04:05Z"}`, false},
		"of zeros":         {strings.Repeat("\x00", 40), false},
	} {
		t.Run(name, func(t *testing.T) {
			c, dir := newCache(t)
			if tc.content != "" {
				testkit.Write(t, dir, map[string]string{"records/key.json": tc.content})
			}
			var v value

			age, ok := c.Load("key", &v)

			assert.Equal(t, tc.ok, ok)
			if tc.ok {
				assert.Equal(t, value{"x"}, v)
				assert.Greater(t, age, 24*time.Hour)
			}
		})
	}
}

func TestSaveAndLoad(t *testing.T) {
	c, dir := newCache(t)
	before := time.Now()
	require.NoError(t, c.Save("key", "first"))
	require.NoError(t, c.Save("key", "second"))

	var got string
	age, ok := c.Load("key", &got)

	assert.True(t, ok)
	assert.Equal(t, "second", got)
	assert.GreaterOrEqual(t, age, time.Duration(0))
	assert.LessOrEqual(t, age, time.Since(before))
	testkit.NoLeftovers(t, dir)
	require.Error(t, c.Save("key", func() {}), "a value that is no JSON")
}

func TestKeyTellsPartsApart(t *testing.T) {
	keys := map[string][]string{}
	for _, parts := range [][]string{nil, {""}, {"", ""}, {"ab"}, {"a", "b"}, {"b", "a"}, {"a", "b", ""}, {"1:a,"}, {"1:a,1:b"}} {
		key := cache.Key(parts...)
		assert.NotContains(t, keys, key, "%q has the key of %q", parts, keys[key])
		assert.Equal(t, key, cache.Key(parts...))
		keys[key] = parts
	}
}

func TestTrim(t *testing.T) {
	c, dir := newCache(t)
	old := time.Now().Add(-48 * time.Hour)
	for _, text := range []string{"old", "old but kept", "new"} {
		_, err := c.PutBytes([]byte(text))
		require.NoError(t, err)
		require.NoError(t, c.Save("record of "+text, text))
		if text != "new" {
			require.NoError(t, os.Chtimes(c.Blob(digestOf(text)), old, old))
			require.NoError(t, os.Chtimes(filepath.Join(dir, "records", "record of "+text+".json"), old, old))
		}
	}

	require.NoError(t, c.Trim(24*time.Hour, map[v1.Hash]bool{digestOf("old but kept"): true}))

	assert.False(t, c.Has(digestOf("old"), 3))
	assert.True(t, c.Has(digestOf("old but kept"), 12))
	assert.True(t, c.Has(digestOf("new"), 3))
	var v string
	_, ok := c.Load("record of old", &v)
	assert.False(t, ok)
	_, ok = c.Load("record of new", &v)
	assert.True(t, ok)
}

func TestTrimRemovesTemporaryFilesOfKilledRunsOnly(t *testing.T) {
	c, dir := newCache(t)
	testkit.Write(t, dir, map[string]string{".blob-1": "half", ".gitignore": "*\n"})

	require.NoError(t, c.Trim(0, nil))

	assert.NoFileExists(t, filepath.Join(dir, ".blob-1"))
	assert.FileExists(t, filepath.Join(dir, ".gitignore"))
}

func TestTrimSideBySide(t *testing.T) {
	c, _ := newCache(t)
	for range 10 {
		for n := range 100 {
			require.NoError(t, c.Save(cache.Key(string(rune('a'+n))), n))
		}
		var all errgroup.Group
		for range 8 {
			all.Go(func() error { return c.Trim(0, nil) })
		}
		require.NoError(t, all.Wait())
	}
}

func TestACacheThatCannotBeWritten(t *testing.T) {
	dir := t.TempDir()
	inTheWay := filepath.Join(dir, "file")
	testkit.Write(t, dir, map[string]string{"file": ""})

	_, err := cache.New(filepath.Join(inTheWay, "cache"))
	require.EqualError(t, err, "make the cache: mkdir "+inTheWay+": not a directory")

	c, err := cache.New(filepath.Join(dir, "cache"))
	require.NoError(t, err)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "cache")))
	_, err = c.PutBytes([]byte("x"))
	assertOneLine(t, err, "write to the cache: ")
	_, _, err = c.Put(writes("x"))
	assertOneLine(t, err, "write to the cache: ")
	assertOneLine(t, c.Save("key", "x"), "write a record to the cache: ")
	assertOneLine(t, c.Trim(0, nil), "trim the cache: ")
}

func assertOneLine(t *testing.T, err error, prefix string) {
	t.Helper()
	require.Error(t, err)
	assert.True(t, strings.HasPrefix(err.Error(), prefix), err.Error())
	assert.NotContains(t, err.Error(), "\n")
}
