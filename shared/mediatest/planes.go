package mediatest

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/jpeg"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// Plane is one component of a JPEG: its values, and how many samples it has in each
// direction for those of the component with the fewest.
type Plane struct {
	Values           *image.Gray
	Across, Downward int
}

// JPEGOf returns a JPEG of components that no encoder of Go writes: those of printers, and
// with numbers of samples that are rare. Each component has a scan of its own (ITU-T T.81,
// A.2 and B.2). What the components are is Adobe's number, or follows from their number if
// that is negative (Adobe Technical Note 5116, 18).
func JPEGOf(t testing.TB, width, height, adobe int, planes ...Plane) []byte {
	t.Helper()
	out := []byte{0xff, 0xd8}
	if adobe >= 0 {
		out = append(out, segment(0xee, append([]byte("Adobe\x00\x64\x00\x00\x00\x00"), byte(adobe)))...)
	}
	frame := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16([]byte{8}, uint16(height)), uint16(width))
	frame = append(frame, byte(len(planes)))
	var scans []byte
	for i, plane := range planes {
		frame = append(frame, byte(i+1), byte(plane.Across<<4|plane.Downward), 0)
		var buf bytes.Buffer
		require.NoError(t, jpeg.Encode(&buf, plane.Values, &jpeg.Options{Quality: 92}))
		data := buf.Bytes()
		if i == 0 { // the tables are the same for all
			size := bytes.Index(data, []byte{0xff, 0xc0})
			out = append(out, data[2:size]...)
			data = data[size:]
		}
		tables, scan := bytes.Index(data, []byte{0xff, 0xc4}), bytes.Index(data, []byte{0xff, 0xda})
		if i == 0 {
			scans = slices.Clone(data[tables:scan])
		}
		const header = 2 + 2 + 1 + 2 + 3 // marker, length, number of components, the one, band
		scans = append(append(scans, segment(0xda, []byte{1, byte(i + 1), 0, 0, 63, 0})...), data[scan+header:len(data)-2]...)
	}
	return slices.Concat(out, segment(0xc0, frame), scans, []byte{0xff, 0xd9})
}

func segment(marker byte, data []byte) []byte {
	return append(binary.BigEndian.AppendUint16([]byte{0xff, marker}, uint16(len(data)+2)), data...)
}

// Channel returns one number of each pixel of a picture, at a part of its sides.
func Channel(img *image.RGBA, across, downward int, number func(r, g, b uint8) uint8) *image.Gray {
	b := img.Bounds()
	out := image.NewGray(image.Rect(0, 0, (b.Dx()+across-1)/across, (b.Dy()+downward-1)/downward))
	for i := range out.Pix {
		at := img.RGBAAt(i%out.Stride*across, i/out.Stride*downward)
		out.Pix[i] = number(at.R, at.G, at.B)
	}
	return out
}
