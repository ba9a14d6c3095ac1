package layer_test

import (
	"bytes"
	"io/fs"
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
