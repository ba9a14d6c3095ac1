package decode

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"encoding/base64"
	"encoding/hex"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const text = "Prefer faces over sights, laughter over poses, and never two of one moment."

func gzipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func zlibbed(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	_, err := w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return b.String()
}

func zipped(t *testing.T, content string) string {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	w, err := z.Create("a.txt")
	require.NoError(t, err)
	_, err = w.Write([]byte(content))
	require.NoError(t, err)
	require.NoError(t, z.Close())
	return b.String()
}

func zstandard(t *testing.T, content string) string {
	t.Helper()
	w, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	return string(w.EncodeAll([]byte(content), nil))
}

// bzipped is text by bzip2.
func bzipped(t *testing.T) string {
	t.Helper()
	data, err := base64.StdEncoding.DecodeString("QlpoOTFBWSZTWRDCqaIAAAeTgEAFQAAv59+AIABIielMZBPU9T0mQaI00AAAehVe9IEgWrTs+YJYqu5PhM4bf2iSlQxmnDYcMkIdMXelfBkkCr8XckU4UJAQwqmi")
	require.NoError(t, err)
	return string(data)
}

func TestPieces(t *testing.T) {
	standard := base64.StdEncoding.EncodeToString([]byte(text))
	tests := map[string]struct {
		content, how string
	}{
		"base64":                              {standard, "base64"},
		"base64 after another string":         {"abcde" + standard, "base64"},
		"base64 for URLs":                     {base64.RawURLEncoding.EncodeToString([]byte(text)), "base64"},
		"base64 in lines":                     {standard[:40] + "\r\n" + standard[40:], "base64"},
		"hex":                                 {"f" + hex.EncodeToString([]byte(text)), "hex"},
		"hex in upper case":                   {strings.ToUpper(hex.EncodeToString([]byte(text))), "hex"},
		"gzip":                                {"\x1f\x8b" + gzipped(t, text) + "more", "gzip"},
		"gzip that ends too early":            {strings.TrimSuffix(gzipped(t, text), gzipped(t, text)[len(gzipped(t, text))-9:]), "gzip"},
		"zlib":                                {"x" + zlibbed(t, text), "zlib"},
		"zip":                                 {zipped(t, text+text), "zip"},
		"zstd":                                {zstandard(t, text+text), "zstd"},
		"bzip2":                               {bzipped(t), "bzip2"},
		"base64 of gzip":                      {base64.StdEncoding.EncodeToString([]byte(gzipped(t, text))), "base64 of gzip"},
		"hex of base64":                       {hex.EncodeToString([]byte(standard)), "hex of base64"},
		"no encoding":                         {text, ""},
		"three encodings are one more than 2": {hex.EncodeToString([]byte(base64.StdEncoding.EncodeToString([]byte(standard)))), ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			how := ""
			for p := range Pieces([]byte("\x00 " + test.content + "\x00")) {
				if bytes.Contains(p.Content, []byte(text[:20])) {
					how = p.How
				}
			}
			assert.Equal(t, test.how, how)
		})
	}
}

func TestWhatInflatesWithoutEnd(t *testing.T) {
	bomb := gzipped(t, strings.Repeat("\x00", largest/2+1))
	tooLarge := 0
	for p := range Pieces([]byte(bomb + bomb + gzipped(t, bomb+bomb))) {
		assert.LessOrEqual(t, len(p.Content), largest+1)
		if p.TooLarge {
			tooLarge++
		}
	}
	assert.Positive(t, tooLarge)
	for p := range Pieces([]byte(bomb)) {
		assert.False(t, p.TooLarge)
	}
}

func TestPiecesOfNoise(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 1<<20)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	for p := range Pieces(noise) {
		assert.NotEmpty(t, p.Content)
	}
}

func FuzzPieces(f *testing.F) {
	f.Add([]byte("QUJD"))
	f.Fuzz(func(_ *testing.T, content []byte) {
		for range Pieces(content) {
			continue
		}
	})
}
