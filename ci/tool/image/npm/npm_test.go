package npm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/npm"
	"lambdas.internal/ci/tool/internal/testkit"
)

func read(t *testing.T, tarball, file string) string {
	t.Helper()
	r, err := npm.Open(t.Context(), tarball, file)
	require.NoError(t, err)
	defer r.Close()
	data, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(data)
}

func TestFetch(t *testing.T) {
	registry, dir := testkit.NewNPM(t), filepath.Join(t.TempDir(), "npm")
	p := registry.Publish(t, "@ffmpeg-installer/linux-x64", "4.1.0", "ffmpeg", "a program")
	registry.Publish(t, "@ffmpeg-installer/linux-x64", "4.2.0", "ffmpeg", "a later program")
	t.Setenv("npm_config_pack_destination", t.TempDir()) // a user's own setting

	tarball, err := npm.Fetch(t.Context(), p, dir)

	require.NoError(t, err)
	assert.Equal(t, filepath.Join(dir, "ffmpeg-installer-linux-x64-4.1.0.tgz"), tarball)
	assert.Equal(t, "a program", read(t, tarball, "ffmpeg"))
	assert.Len(t, testkit.Tree(t, dir), 1)

	t.Run("again, without npm", func(t *testing.T) {
		t.Setenv("PATH", t.TempDir())
		again, err := npm.Fetch(t.Context(), p, dir)
		require.NoError(t, err)
		assert.Equal(t, tarball, again)
	})
	t.Run("again, when it is broken", func(t *testing.T) {
		require.NoError(t, os.WriteFile(tarball, []byte("broken"), 0o644))
		_, err := npm.Fetch(t.Context(), p, dir)
		require.NoError(t, err)
		assert.Equal(t, "a program", read(t, tarball, "ffmpeg"))
	})
	t.Run("a file that is not in it", func(t *testing.T) {
		_, err := npm.Open(t.Context(), tarball, "ffprobe")
		require.EqualError(t, err, "find ffprobe in ffmpeg-installer-linux-x64-4.1.0.tgz: it is missing")
	})
	testkit.NoLeftovers(t, dir)
}

// As for `docker run --user 1234`, which sets HOME to a folder that this user cannot write to.
func TestAUserWithoutAHomeFolder(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	for name, home := range map[string]string{"HOME that cannot be written to": file, "no HOME": ""} {
		t.Run(name, func(t *testing.T) {
			registry, dir := testkit.NewNPM(t), t.TempDir()
			p := registry.Publish(t, "program", "1.0.0", "program", "a program")
			t.Setenv("HOME", home)
			t.Setenv("npm_config_cache", "")

			integrity, err := npm.Integrity(t.Context(), p.Name, p.Version)
			require.NoError(t, err)
			assert.Equal(t, p.Integrity, integrity)
			tarball, err := npm.Fetch(t.Context(), p, dir)
			require.NoError(t, err)
			assert.Equal(t, "a program", read(t, tarball, "program"))
			assert.Len(t, testkit.Tree(t, dir), 1)
		})
	}
}

func TestFetchRefusesAnotherIntegrity(t *testing.T) {
	registry, dir := testkit.NewNPM(t), t.TempDir()
	p := registry.Publish(t, "program", "1.0.0", "program", "good")
	bad := registry.Publish(t, "program", "1.0.0", "program", "bad")

	_, err := npm.Fetch(t.Context(), p, dir)

	require.EqualError(t, err, "check program@1.0.0: its integrity is "+bad.Integrity+", but the lock file says "+p.Integrity)
	assert.Empty(t, testkit.Tree(t, dir))
	testkit.NoLeftovers(t, dir)
}

func TestFetchOfAMissingPackage(t *testing.T) {
	registry, dir := testkit.NewNPM(t), t.TempDir()
	p := registry.Publish(t, "program", "1.0.0", "program", "good")
	p.Name = "gone"

	_, err := npm.Fetch(t.Context(), p, dir)

	require.ErrorContains(t, err, "run npm pack: exit status 1\n")
	require.ErrorContains(t, err, "404")
	testkit.NoLeftovers(t, dir)
}

func TestFetchWithoutNPM(t *testing.T) {
	registry, dir := testkit.NewNPM(t), t.TempDir()
	p := registry.Publish(t, "program", "1.0.0", "program", "good")
	t.Setenv("PATH", t.TempDir())

	_, err := npm.Fetch(t.Context(), p, dir)

	require.EqualError(t, err, "npm is not installed; install Node.js, or pass an image that has ffmpeg with --ffmpeg")
	testkit.NoLeftovers(t, dir)
}

func TestFetchThatIsCancelled(t *testing.T) {
	registry, dir := testkit.NewNPM(t), t.TempDir()
	p := registry.Publish(t, "program", "1.0.0", "program", "good")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := npm.Fetch(ctx, p, dir)

	require.ErrorIs(t, err, context.Canceled)
	testkit.NoLeftovers(t, dir)
}

func TestFetchWhereNothingCanBeWritten(t *testing.T) {
	registry, dir := testkit.NewNPM(t), t.TempDir()
	p := registry.Publish(t, "program", "1.0.0", "program", "good")
	testkit.Write(t, dir, map[string]string{"file": ""})

	_, err := npm.Fetch(t.Context(), p, filepath.Join(dir, "file"))

	require.EqualError(t, err, "fetch program: mkdir "+filepath.Join(dir, "file")+": not a directory")
}

func TestIntegrity(t *testing.T) {
	registry := testkit.NewNPM(t)
	p := registry.Publish(t, "@a/program", "1.0.0", "program", "good")

	got, err := npm.Integrity(t.Context(), p.Name, p.Version)
	require.NoError(t, err)
	assert.Equal(t, p.Integrity, got)

	_, err = npm.Integrity(t.Context(), p.Name, "2.0.0")
	require.Error(t, err, "a version that is not there")
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{"x.tgz": "no archive"})
	for _, name := range []string{"x.tgz", "gone.tgz"} {
		_, err := npm.Open(t.Context(), filepath.Join(dir, name), "x")
		require.ErrorContains(t, err, "open "+filepath.Join(dir, name)+": ")
	}
}

// A package that unpacks without end: its integrity is that of the lock file all the same.
func TestOpenOfABomb(t *testing.T) {
	pack := func(content []byte) []byte {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, err := w.Write(content)
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	var header bytes.Buffer
	require.NoError(t, tar.NewWriter(&header).WriteHeader(&tar.Header{Name: "package/other", Size: 8 << 30, Format: tar.FormatPAX}))
	name := filepath.Join(t.TempDir(), "bomb.tgz")
	bomb := append(pack(header.Bytes()), bytes.Repeat(pack(make([]byte, 64<<20)), 128)...)
	require.NoError(t, os.WriteFile(name, bomb, 0o644))

	_, err := npm.Open(t.Context(), name, "ffmpeg")

	require.EqualError(t, err, "find ffmpeg in bomb.tgz: more is unpacked than accepted: 2147483648 bytes")
}
