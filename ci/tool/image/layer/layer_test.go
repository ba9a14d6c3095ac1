package layer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/internal/testkit"
)

// files has one of each kind of entry.
func files() []layer.File {
	return []layer.File{
		layer.Text("var/runtime/bootstrap", 0o755, "#!/bin/true\n"),
		layer.Text("etc/passwd", 0o644, "root:x:0:0\n"),
		layer.Text("etc/passwd-", 0o600, ""),
		layer.Directory("tmp", 0o777|fs.ModeSticky),
		layer.Directory("etc", 0o700),
		layer.Text("a/"+strings.Repeat("long/", 40)+"file", 0o644, "deep"),
		layer.Text("größe", 0o644, "not ASCII"),
	}
}

func write(t *testing.T, files []layer.File, comment string) ([]byte, layer.Layer) {
	t.Helper()
	var b bytes.Buffer
	l, err := layer.Write(&b, files, comment)
	require.NoError(t, err)
	return b.Bytes(), l
}

// headers reads the entries with the standard library.
func headers(t *testing.T, compressed []byte) (all []*tar.Header, contents map[string]string) {
	t.Helper()
	zr, err := gzip.NewReader(bytes.NewReader(compressed))
	require.NoError(t, err)
	contents = map[string]string{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return all, contents
		}
		require.NoError(t, err)
		data, err := io.ReadAll(tr)
		require.NoError(t, err)
		all, contents[h.Name] = append(all, h), string(data)
	}
}

func TestWriteSetsEveryHeader(t *testing.T) {
	data, _ := write(t, files(), "test")

	all, contents := headers(t, data)

	var names []string
	for _, h := range all {
		names = append(names, fmt.Sprintf("%c %04o %s", h.Typeflag, h.Mode, h.Name))
		assert.True(t, time.Unix(0, 0).Equal(h.ModTime), h.Name)
		assert.True(t, h.AccessTime.IsZero() && h.ChangeTime.IsZero(), h.Name)
		assert.Zero(t, h.Uid, h.Name)
		assert.Zero(t, h.Gid, h.Name)
		assert.Empty(t, h.Uname+h.Gname+h.Linkname, h.Name)
	}
	want := []string{"5 0755 a/"}
	for n := 1; n <= 40; n++ {
		want = append(want, "5 0755 a/"+strings.Repeat("long/", n))
	}
	want = append(want, "0 0644 a/"+strings.Repeat("long/", 40)+"file",
		"5 0700 etc/", "0 0644 etc/passwd", "0 0600 etc/passwd-", "0 0644 größe", "5 1777 tmp/",
		"5 0755 var/", "5 0755 var/runtime/", "0 0755 var/runtime/bootstrap")
	assert.Equal(t, want, names)
	assert.Equal(t, "#!/bin/true\n", contents["var/runtime/bootstrap"])
	assert.Equal(t, "not ASCII", contents["größe"])
}

func TestWriteDependsOnNothingButTheFiles(t *testing.T) {
	want, wantLayer := write(t, files(), "test")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	shuffle := rand.New(rand.NewPCG(seed, 0))
	for range 20 {
		mixed := files()
		shuffle.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })

		got, l := write(t, mixed, "test")

		require.Equal(t, wantLayer, l)
		require.True(t, bytes.Equal(want, got))
	}
}

func TestWriteDoesNotChangeItsInput(t *testing.T) {
	in := files()

	write(t, in, "test")

	for i, f := range files() {
		assert.Equal(t, f.Path, in[i].Path)
		assert.Equal(t, f.Mode, in[i].Mode)
	}
}

// A change of these digests changes every layer in every registry. Only another version
// of the compressor may cause it, in the commit that updates the compressor.
func TestWriteGolden(t *testing.T) {
	large := strings.Repeat("all work and no play makes a dull layer ", 50_000)
	var out strings.Builder
	for _, c := range []struct {
		name  string
		files []layer.File
	}{
		{"empty", nil},
		{"one of everything", files()},
		{"two megabytes", []layer.File{layer.Text("usr/local/bin/ffmpeg", 0o755, large)}},
	} {
		_, l := write(t, c.files, "golden")
		fmt.Fprintf(&out, "%s\n  digest %s\n  diffID %s\n  size   %d\n", c.name, l.Digest, l.DiffID, l.Size)
	}
	testkit.Golden(t, "layers.txt", []byte(out.String()))
}

func TestReadIsTheInverseOfWrite(t *testing.T) {
	for name, comment := range map[string]string{"comment": "npm @x/y@1.0.0, @x/z@2", "no comment": ""} {
		t.Run(name, func(t *testing.T) {
			data, written := write(t, files(), comment)

			read, err := layer.Read(bytes.NewReader(data))

			require.NoError(t, err)
			assert.Equal(t, written, read)
			assert.Equal(t, comment, read.Comment)
			assert.EqualValues(t, len(data), read.Size)
			ggcr := static.NewLayer(data, types.OCILayer)
			digest, err := ggcr.Digest()
			require.NoError(t, err)
			assert.Equal(t, digest, read.Digest)
		})
	}
}

func TestReadRefuses(t *testing.T) {
	data, _ := write(t, files(), "test")
	broken := bytes.Clone(data)
	broken[len(broken)/2] ^= 1
	for name, in := range map[string][]byte{
		"nothing":               nil,
		"plain text":            []byte("a plain text that is long enough"),
		"a cut-off layer":       data[:len(data)-20],
		"a changed layer":       broken,
		"a layer and some more": append(bytes.Clone(data), "trailing"...),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := layer.Read(bytes.NewReader(in))

			require.ErrorContains(t, err, "read the layer: ")
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	text := layer.Text("a/file", 0o644, "content")
	short, long, changed, gone := text, text, text, text
	short.Size, long.Size = 3, 30
	changed.Digest = strings.Repeat("0", 64)
	gone.Open = func() (io.ReadCloser, error) { return nil, os.ErrNotExist }
	for name, c := range map[string]struct {
		files []layer.File
		want  string
	}{
		"more bytes than expected":    {[]layer.File{short}, "write a/file into the layer: has more than the expected 3 bytes"},
		"fewer bytes than expected":   {[]layer.File{long}, "write a/file into the layer: has 7 bytes, expected 30"},
		"another content":             {[]layer.File{changed}, "write a/file into the layer: changed while it was read; build again"},
		"a file that cannot be read":  {[]layer.File{gone}, "write a/file into the layer: file does not exist"},
		"a path twice":                {[]layer.File{text, text}, `write the layer: "a/file" appears twice, or is not a clean path without a leading slash`},
		"an absolute path":            {[]layer.File{layer.Text("/etc/x", 0o644, "")}, `write the layer: "/etc/x" appears twice, or is not a clean path without a leading slash`},
		"a path that leads elsewhere": {[]layer.File{layer.Text("a/../../x", 0o644, "")}, `write the layer: "a/../../x" appears twice, or is not a clean path without a leading slash`},
		"a file below a file":         {[]layer.File{text, layer.Text("a/file/b/c", 0o644, "")}, `write the layer: "a/file" is a file, so "a/file/b/c" cannot be below it`},
		"the root":                    {[]layer.File{layer.Directory(".", 0o755)}, `write the layer: "." appears twice, or is not a clean path without a leading slash`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := layer.Write(io.Discard, c.files, "test")

			require.EqualError(t, err, c.want)
		})
	}
}

func TestWriteTellsThatItCannotWrite(t *testing.T) {
	full := errors.New("the disk is full")

	_, err := layer.Write(failing{full}, files(), "test")

	require.ErrorIs(t, err, full)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestLocal(t *testing.T) {
	dir := t.TempDir()
	testkit.Write(t, dir, map[string]string{"binary": "content"})

	f, err := layer.Local("var/runtime/bootstrap", 0o755, filepath.Join(dir, "binary"))

	require.NoError(t, err)
	data, _ := write(t, []layer.File{f}, "")
	want, _ := write(t, []layer.File{layer.Text("var/runtime/bootstrap", 0o755, "content")}, "")
	assert.Equal(t, want, data)
	_, err = layer.Local("x", 0o644, filepath.Join(dir, "gone"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
