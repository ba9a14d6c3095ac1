package coldstart

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// readFiles returns the content of a layer with files: by name, what they hold. An empty content
// is a whiteout.
func readFiles(t *testing.T, files [][2]string) Content {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	tw := tar.NewWriter(zw)
	for _, f := range files {
		h := tar.Header{Typeflag: tar.TypeReg, Name: f[0], Size: int64(len(f[1])), Mode: 0o644}
		if target, ok := strings.CutPrefix(f[1], "link:"); ok {
			h.Typeflag, h.Linkname, h.Size, f[1] = tar.TypeLink, target, 0, ""
		}
		require.NoError(t, tw.WriteHeader(&h))
		_, err := tw.Write([]byte(f[1]))
		require.NoError(t, err)
	}
	require.NoError(t, tw.Close())
	require.NoError(t, zw.Close())
	c, err := ReadLayer(t.Context(), &b)
	require.NoError(t, err)
	return c
}

func TestAFileIsCutIntoBlocks(t *testing.T) {
	for name, test := range map[string]struct{ size, blocks int }{
		"empty":               {0, 0},
		"one byte":            {1, 1},
		"exactly one block":   {BlockSize, 1},
		"one byte more":       {BlockSize + 1, 2},
		"three and a quarter": {3*BlockSize + BlockSize/4, 4},
	} {
		t.Run(name, func(t *testing.T) {
			c := readFiles(t, [][2]string{{"file", strings.Repeat("x", test.size)}})
			assert.Len(t, c.files["file"].Blocks, test.blocks)
			assert.EqualValues(t, test.size, c.files["file"].Bytes)
		})
	}
}

func TestFlatten(t *testing.T) {
	names := func(f Files) map[string]int {
		found := map[string]int{}
		for name, file := range f {
			found[name] = file.Layer
		}
		return found
	}
	below := [][2]string{{"./etc/a", "a"}, {"etc/b", "b"}, {"etc/deep/c", "c"}, {"etcetera", "e"}}
	for name, test := range map[string]struct {
		above [][2]string
		want  map[string]int
	}{
		"nothing above":        {nil, map[string]int{"etc/a": 0, "etc/b": 0, "etc/deep/c": 0, "etcetera": 0}},
		"a file replaced":      {[][2]string{{"/etc/a", "new"}}, map[string]int{"etc/a": 1, "etc/b": 0, "etc/deep/c": 0, "etcetera": 0}},
		"a file removed":       {[][2]string{{"etc/.wh.a", ""}}, map[string]int{"etc/b": 0, "etc/deep/c": 0, "etcetera": 0}},
		"a folder removed":     {[][2]string{{".wh.etc", ""}}, map[string]int{"etcetera": 0}},
		"a folder emptied":     {[][2]string{{"etc/.wh..wh..opq", ""}, {"etc/d", "d"}}, map[string]int{"etc/d": 1, "etcetera": 0}},
		"a second name for it": {[][2]string{{"x", "x"}, {"y", "link:x"}}, map[string]int{"etc/a": 0, "etc/b": 0, "etc/deep/c": 0, "etcetera": 0, "x": 1, "y": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			flat := Flatten([]Content{readFiles(t, below), readFiles(t, test.above)})
			assert.Equal(t, test.want, names(flat))
		})
	}
}

func TestWhatIsNew(t *testing.T) {
	block := func(text string) string { return strings.Repeat(text, BlockSize) }
	before := Flatten([]Content{readFiles(t, [][2]string{{"program", block("a") + block("b") + "c"}})})
	known := before.Blocks(allLayers)
	for name, test := range map[string]struct {
		content string
		want    int
	}{
		"the same":                              {block("a") + block("b") + "c", 0},
		"another end":                           {block("a") + block("b") + "d", 1},
		"another order":                         {block("b") + block("a") + "c", 0},
		"a byte more at the beginning":          {"x" + block("a") + block("b") + "c", 3},
		"the same new block twice counts once ": {block("n") + block("n"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			now := Flatten([]Content{readFiles(t, [][2]string{{"program", test.content}})})
			assert.Equal(t, test.want, known.Missing(now.Blocks(allLayers)))
		})
	}
}
