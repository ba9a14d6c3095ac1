package mediatest

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"hash/crc32"
	"io"
	"testing"

	"github.com/stretchr/testify/require"
)

// HugePNG returns a black PNG that is small as a file and large in memory: with 16 bits
// a channel and transparency, each pixel takes 8 bytes (PNG specification, 5.3 and 11.2).
func HugePNG(t testing.TB, width, height int) []byte {
	t.Helper()
	const rgba, depth = 6, 16
	header := binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, uint32(width)), uint32(height))
	header = append(header, depth, rgba, 0, 0, 0)
	out := []byte("\x89PNG\r\n\x1a\n")
	out = append(out, chunk("IHDR", header)...)
	out = append(out, chunk("IDAT", zeros(t, int64(height)*int64(width*8+1)))...)
	return append(out, chunk("IEND", nil)...)
}

// WithText adds a compressed text to a PNG file. Decompressed, the text is size zero bytes.
func WithText(t testing.TB, data []byte, size int64) []byte {
	t.Helper()
	const afterHeader = 8 + 25
	text := append([]byte("Comment\x00\x00"), zeros(t, size)...)
	return bytes.Join([][]byte{data[:afterHeader], chunk("zTXt", text), data[afterHeader:]}, nil)
}

func chunk(name string, data []byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	out = append(append(out, name...), data...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out[4:]))
}

func zeros(t testing.TB, size int64) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := zlib.NewWriterLevel(&out, zlib.BestSpeed)
	require.NoError(t, err)
	_, err = io.CopyN(w, zero{}, size)
	require.NoError(t, err)
	require.NoError(t, w.Close())
	return out.Bytes()
}

type zero struct{}

// Read implements io.Reader.
func (zero) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
