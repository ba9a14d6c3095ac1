package exif_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/shared/exif"
)

func box(name string, content ...[]byte) []byte {
	data := slices.Concat(content...)
	return slices.Concat(binary.BigEndian.AppendUint32(nil, uint32(8+len(data))), []byte(name), data)
}

// heif returns the description of a file with two pictures. The main one is item 2, which
// has the given properties after the one of size; item 1 is mirrored.
func heif(properties ...[]byte) []byte {
	links := []byte{2, byte(1 + len(properties)), 1}
	for i := range properties {
		links = append(links, 0x80|byte(2+i))
	}
	links = append([]byte{0}, links...) // a number of two bytes
	known := append([][]byte{box("ispe", make([]byte, 12))}, properties...)
	known = append(known, box("imir", []byte{1}))
	other := []byte{0, 1, 1, byte(2 + len(properties))}
	return slices.Concat(box("ftyp", []byte("heic\x00\x00\x00\x00mif1")),
		box("meta", make([]byte, 4), box("hdlr"), box("pitm", []byte{0, 0, 0, 0, 0, 2}),
			box("iprp", box("ipco", known...), box("ipma", []byte{0, 0, 0, 0, 0, 0, 0, 2}, other, links))))
}

func TestHEIFIsTurnedByItsProperties(t *testing.T) {
	turn := func(n byte) []byte { return box("irot", []byte{n}) }
	mirror := func(n byte) []byte { return box("imir", []byte{n}) }
	for name, test := range map[string]struct {
		data []byte
		want exif.Orientation
	}{
		"not turned":                            {heif(), 1},
		"a quarter counterclockwise":            {heif(turn(1)), 8},
		"upside down":                           {heif(turn(2)), 3},
		"a quarter clockwise":                   {heif(turn(3)), 6},
		"top to bottom":                         {heif(mirror(0)), 4},
		"left to right":                         {heif(mirror(1)), 2},
		"a quarter clockwise, then mirrored":    {heif(turn(3), mirror(1)), 5},
		"mirrored, then a quarter clockwise":    {heif(mirror(1), turn(3)), 7},
		"an empty property":                     {heif(box("irot")), 1},
		"cut in the middle":                     {heif(turn(1))[:60], 1},
		"a box that is larger than its content": {[]byte("\xff\xff\xff\xffmeta"), 1},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, exif.Read(bytes.NewReader(test.data), "heif").Orientation)
		})
	}
}

func FuzzHEIF(f *testing.F) {
	f.Add(heif(box("irot", []byte{1})))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := exif.Read(bytes.NewReader(data), "heif").Orientation
		assert.True(t, o >= 1 && o <= 8, o)
	})
}
