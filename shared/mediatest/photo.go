package mediatest

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/jpeg"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/exif"
)

// corners are the colours of an upright Quarters picture: top left, top right,
// bottom left, bottom right.
var corners = [4]color.RGBA{{220, 30, 30, 255}, {30, 200, 30, 255}, {30, 30, 220, 255}, {220, 220, 30, 255}}

// Quarters returns a picture whose quarters are red, green, blue and yellow.
func Quarters(width, height int) *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			img.SetRGBA(x, y, corners[2*(2*y/height)+2*x/width])
		}
	}
	return img
}

// AssertUpright fails the test unless img looks like a scaled Quarters picture.
func AssertUpright(t testing.TB, img image.Image) {
	t.Helper()
	b := img.Bounds()
	for i, want := range corners {
		x, y := b.Min.X+b.Dx()*(1+2*(i%2))/4, b.Min.Y+b.Dy()*(1+2*(i/2))/4
		r, g, bl, _ := img.At(x, y).RGBA()
		far := max(math.Abs(float64(r>>8)-float64(want.R)), math.Abs(float64(g>>8)-float64(want.G)), math.Abs(float64(bl>>8)-float64(want.B)))
		assert.LessOrEqual(t, far, 40.0, "quarter %d at %d,%d: %d %d %d, want %v", i, x, y, r>>8, g>>8, bl>>8, want)
	}
}

// Stored returns the upright picture as a camera stores it when it is held in the given
// orientation.
func Stored(upright *image.RGBA, o exif.Orientation) *image.RGBA {
	w, h := upright.Bounds().Dx(), upright.Bounds().Dy()
	sw, sh := w, h
	if o >= 5 {
		sw, sh = h, w
	}
	out := image.NewRGBA(image.Rect(0, 0, sw, sh))
	for y := range sh {
		for x := range sw {
			ux, uy := x, y
			switch o {
			case 2:
				ux = w - 1 - x
			case 3:
				ux, uy = w-1-x, h-1-y
			case 4:
				uy = h - 1 - y
			case 5:
				ux, uy = y, x
			case 6:
				ux, uy = w-1-y, x
			case 7:
				ux, uy = w-1-y, h-1-x
			case 8:
				ux, uy = y, h-1-x
			}
			out.SetRGBA(x, y, upright.RGBAAt(ux, uy))
		}
	}
	return out
}

// JPEG encodes a picture.
func JPEG(t testing.TB, img image.Image) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, jpeg.Encode(&buf, img, &jpeg.Options{Quality: 92}))
	return buf.Bytes()
}

// WithEXIF adds an EXIF block with an orientation and, unless it is zero, a time to a
// JPEG file (JEITA CP-3451: APP1 after SOI, TIFF with IFD0 and the EXIF IFD).
func WithEXIF(data []byte, o exif.Orientation, taken time.Time) []byte {
	const (
		short, long, ascii = 3, 4, 2
		header             = 8 // TIFF header
		ifd0               = 2 + 2*12 + 4
		exifIFD            = 2 + 1*12 + 4
	)
	var tiff bytes.Buffer
	put := func(v any) { _ = binary.Write(&tiff, binary.BigEndian, v) } // writing to a buffer never fails
	tiff.WriteString("MM\x00\x2a")
	put(uint32(header))
	put(uint16(2))
	put([]uint16{0x0112, short, 0, 1, uint16(o), 0})
	put([]uint16{0x8769, long})
	put([]uint32{1, header + ifd0, 0})
	if taken.IsZero() {
		put(uint16(0))
		put(uint32(0))
	} else {
		put(uint16(1))
		put([]uint16{0x9003, ascii})
		put([]uint32{20, header + ifd0 + exifIFD, 0})
		tiff.WriteString(taken.Format("2006:01:02 15:04:05") + "\x00")
	}
	var out bytes.Buffer
	out.Write(data[:2]) // SOI
	out.WriteString("\xff\xe1")
	_ = binary.Write(&out, binary.BigEndian, uint16(2+6+tiff.Len()))
	out.WriteString("Exif\x00\x00")
	out.Write(tiff.Bytes())
	out.Write(data[2:])
	return out.Bytes()
}
