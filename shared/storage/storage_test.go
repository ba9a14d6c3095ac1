package storage_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/storage"
)

func TestStore(t *testing.T) {
	s3 := awstest.StartS3(t)
	store, err := storage.New()
	require.NoError(t, err)
	ctx, dir := t.Context(), t.TempDir()
	in, out := filepath.Join(dir, "in"), filepath.Join(dir, "out")
	content := bytes.Repeat([]byte("media "), 100_000)
	require.NoError(t, os.WriteFile(in, content, 0o600))
	const key = "s1/originals/Größe (1) +ü.jpg"

	t.Run("file up and down", func(t *testing.T) {
		require.NoError(t, store.Upload(ctx, awstest.Bucket, key, in, "image/jpeg"))
		assert.Equal(t, []string{key}, s3.Keys(t))
		got, err := store.Download(ctx, awstest.Bucket, key, out, int64(len(content)))
		require.NoError(t, err)
		assert.Equal(t, storage.Object{Size: int64(len(content)), ContentType: "image/jpeg"}, got)
		data, err := os.ReadFile(out)
		require.NoError(t, err)
		assert.Equal(t, content, data)
		require.NoError(t, os.Remove(out))
	})
	t.Run("memory up and down", func(t *testing.T) {
		require.NoError(t, store.Put(ctx, awstest.Bucket, "s1/m", content, "text/plain"))
		data, err := store.Get(ctx, awstest.Bucket, "s1/m", int64(len(content)))
		require.NoError(t, err)
		assert.Equal(t, content, data)
		stat, err := store.Stat(ctx, awstest.Bucket, "s1/m")
		require.NoError(t, err)
		assert.Equal(t, storage.Object{Size: int64(len(content)), ContentType: "text/plain"}, stat)
	})
	t.Run("head", func(t *testing.T) {
		head, err := store.Head(ctx, awstest.Bucket, key, 5)
		require.NoError(t, err)
		assert.Equal(t, "media", string(head))
		head, err = store.Head(ctx, awstest.Bucket, key, 10<<20)
		require.NoError(t, err)
		assert.Equal(t, content, head, "the whole object, because it is shorter")
		s3.Put(t, "s1/empty", nil)
		head, err = store.Head(ctx, awstest.Bucket, "s1/empty", 5)
		require.NoError(t, err)
		assert.Empty(t, head)
	})
	t.Run("lists and deletes", func(t *testing.T) {
		var keys []string
		for i := range 7 {
			keys = append(keys, fmt.Sprintf("s2/originals/写真 %d.jpg", i))
			s3.Put(t, keys[i], []byte("12345"))
		}
		var listed []string
		after, pages := "", 0
		for more := true; more; pages++ {
			var entries []storage.Entry
			var err error
			entries, more, err = store.List(ctx, awstest.Bucket, "s2/", after, 3)
			require.NoError(t, err)
			for _, entry := range entries {
				listed = append(listed, entry.Key)
				assert.Equal(t, int64(5), entry.Size)
				assert.WithinDuration(t, time.Now(), entry.Modified, time.Minute)
				after = entry.Key
			}
		}
		assert.Equal(t, keys, listed)
		assert.Equal(t, 3, pages)
		require.NoError(t, store.Delete(ctx, awstest.Bucket, keys[0], keys[1], "s2/none"))
		entries, more, err := store.List(ctx, awstest.Bucket, "s2/", "", 5)
		require.NoError(t, err)
		assert.Len(t, entries, 5)
		assert.False(t, more)
		require.NoError(t, store.DeleteAll(ctx, awstest.Bucket, "s2/"))
		entries, _, err = store.List(ctx, awstest.Bucket, "s2/", "", 5)
		require.NoError(t, err)
		assert.Empty(t, entries)
		assert.NotEmpty(t, s3.Keys(t), "the objects of others stay")
		require.NoError(t, store.Delete(ctx, awstest.Bucket))
	})
	t.Run("larger than the limit", func(t *testing.T) {
		_, err := store.Download(ctx, awstest.Bucket, key, out, 10)
		assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
		assert.NoFileExists(t, out)
		_, err = store.Get(ctx, awstest.Bucket, key, 10)
		assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
	})
	t.Run("missing", func(t *testing.T) {
		_, err := store.Download(ctx, awstest.Bucket, "s1/none", out, 10)
		assert.Equal(t, fault.NotFound, fault.KindOf(err), err)
		assert.NoFileExists(t, out)
		_, err = store.Stat(ctx, awstest.Bucket, "s1/none")
		assert.Equal(t, fault.NotFound, fault.KindOf(err), err)
		_, err = store.Head(ctx, awstest.Bucket, "s1/none", 1)
		assert.Equal(t, fault.NotFound, fault.KindOf(err), err)
		assert.Equal(t, fault.NotFound, fault.KindOf(store.Put(ctx, "no-such-bucket", "k", nil, "")))
	})
	t.Run("wrong key", func(t *testing.T) {
		t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
		store, err := storage.New()
		require.NoError(t, err)
		_, err = store.Get(ctx, awstest.Bucket, key, 10)
		assert.Equal(t, fault.Configuration, fault.KindOf(err), err)
	})
	t.Run("time is up", func(t *testing.T) {
		ended, cancel := context.WithCancel(ctx)
		cancel()
		_, err := store.Get(ended, awstest.Bucket, key, 10)
		assert.Equal(t, fault.DeadlineExceeded, fault.KindOf(err), err)
	})
	t.Run("file cannot be written", func(t *testing.T) {
		_, err := store.Download(ctx, awstest.Bucket, key, filepath.Join(dir, "none", "out"), int64(len(content)))
		assert.Equal(t, fault.Internal, fault.KindOf(err), err)
	})
}
