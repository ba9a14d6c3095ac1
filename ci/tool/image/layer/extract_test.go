package layer_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io/fs"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/layer"
)

func TestExtract(t *testing.T) {
	var stored bytes.Buffer
	_, err := layer.Write(&stored, []layer.File{layer.Text("a/b", 0o644, "of b"), layer.Text("a/c", 0o644, "of c"), layer.Text("b", 0o644, "")}, "")
	require.NoError(t, err)

	for name, want := range map[string]string{"a/b": "of b", "a/c": "of c", "b": ""} {
		got, err := layer.Extract(bytes.NewReader(stored.Bytes()), name)
		require.NoError(t, err, name)
		assert.Equal(t, want, string(got), name)
	}
	_, err = layer.Extract(bytes.NewReader(stored.Bytes()), "c")
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.EqualError(t, err, "c: file does not exist")
	_, err = layer.Extract(bytes.NewReader(stored.Bytes()[:stored.Len()/2]), "c")
	require.Error(t, err, "half a layer")
	require.NotErrorIs(t, err, fs.ErrNotExist)
	_, err = layer.Extract(bytes.NewReader([]byte("plain")), "c")
	require.Error(t, err)
}

// The size of a file is what the layer says, and nothing is set aside for it.
func TestExtractOfALargeFile(t *testing.T) {
	for name, c := range map[string]struct {
		size    int64
		problem string
	}{
		"larger than is read":            {1 << 60, "a: it has 1152921504606846976 bytes; at most 1073741824 are read into memory"},
		"larger than what the layer has": {1 << 30, "a: unexpected EOF"},
	} {
		t.Run(name, func(t *testing.T) {
			var stored bytes.Buffer
			zw := gzip.NewWriter(&stored)
			require.NoError(t, tar.NewWriter(zw).WriteHeader(&tar.Header{Name: "a", Size: c.size, Format: tar.FormatPAX}))
			require.NoError(t, zw.Close())
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := layer.Extract(&stored, "a")
			runtime.ReadMemStats(&after)
			require.EqualError(t, err, c.problem)
			assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(200<<20))
		})
	}
}
