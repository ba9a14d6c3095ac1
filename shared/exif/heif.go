package exif

import (
	"encoding/binary"
	"io"
)

// metaLimit in bytes is far above the description of a HEIC with hundreds of tiles.
const metaLimit = 1 << 20

// box is a box of the ISO base media file format (ISO/IEC 14496-12, 4.2).
type box struct {
	name string
	data []byte
}

// boxes returns the boxes in data, up to the first broken one.
func boxes(data []byte) (found []box) {
	for len(data) >= 8 {
		size := int(binary.BigEndian.Uint32(data))
		if size < 8 || size > len(data) {
			return found
		}
		found = append(found, box{string(data[4:8]), data[8:size]})
		data = data[size:]
	}
	return found
}

// inside returns the content of the first box of a name.
func inside(data []byte, name string) []byte {
	for _, b := range boxes(data) {
		if b.name == name {
			return b.data
		}
	}
	return nil
}

// turn is a 2 x 2 matrix in rows, of a turn or of a mirroring. The y axis points down.
type turn [4]int

func (t turn) then(next turn) turn {
	return turn{
		next[0]*t[0] + next[1]*t[2], next[0]*t[1] + next[1]*t[3],
		next[2]*t[0] + next[3]*t[2], next[2]*t[1] + next[3]*t[3],
	}
}

// orientations are what a viewer does for each value of EXIF (CIPA DC-008, 4.6.4 A).
var orientations = map[turn]Orientation{
	{1, 0, 0, 1}: 1, {-1, 0, 0, 1}: 2, {-1, 0, 0, -1}: 3, {1, 0, 0, -1}: 4,
	{0, 1, 1, 0}: 5, {0, -1, 1, 0}: 6, {0, -1, -1, 0}: 7, {0, 1, -1, 0}: 8,
}

var (
	counterclockwise = turn{0, 1, -1, 0}
	topToBottom      = turn{1, 0, 0, -1}
	leftToRight      = turn{-1, 0, 0, 1}
)

// heifOrientation returns how the main picture of a HEIC or AVIF file is turned by its
// properties irot and imir (ISO/IEC 23008-12, 6.5.10 and 6.5.12). The value of told is
// false when it has none; then EXIF counts.
func heifOrientation(r io.ReadSeeker) (o Orientation, told bool) {
	head := make([]byte, metaLimit)
	n, _ := io.ReadFull(r, head) // a short file is the rule
	meta := inside(head[:n], "meta")
	if len(meta) < 4 {
		return Upright, false
	}
	meta = meta[4:] // version and flags
	properties := inside(meta, "iprp")
	known := boxes(inside(properties, "ipco"))
	now := turn{1, 0, 0, 1}
	for _, index := range propertiesOf(inside(properties, "ipma"), mainItem(inside(meta, "pitm"))) {
		if index < 1 || index > len(known) || len(known[index-1].data) == 0 {
			continue
		}
		value := known[index-1].data[0]
		switch known[index-1].name {
		case "irot":
			for range value & 3 {
				now = now.then(counterclockwise)
			}
			told = true
		case "imir":
			if value&1 == 0 {
				now = now.then(topToBottom)
			} else {
				now = now.then(leftToRight)
			}
			told = true
		}
	}
	return orientations[now], told
}

// mainItem reads the number of the main picture from the content of its box, pitm.
func mainItem(pitm []byte) uint32 {
	switch {
	case len(pitm) >= 6 && pitm[0] == 0:
		return uint32(binary.BigEndian.Uint16(pitm[4:]))
	case len(pitm) >= 8:
		return binary.BigEndian.Uint32(pitm[4:])
	}
	return 0
}

// propertiesOf reads which properties, counted from 1, an item has, in their order, from
// the content of the box ipma (ISO/IEC 23008-12, 9.3.1).
func propertiesOf(ipma []byte, item uint32) (found []int) {
	r := reader{ipma}
	version, wide := r.number(1), r.number(3)&1 == 1
	for range r.number(4) {
		size := 2
		if version >= 1 {
			size = 4
		}
		id, count := r.number(size), r.number(1)
		for range count {
			index := int(r.number(1) & 0x7f) // the highest bit says that the property is essential
			if wide {
				index = index<<8 | int(r.number(1))
			}
			if id == item {
				found = append(found, index)
			}
		}
		if len(r.rest) == 0 {
			return found
		}
	}
	return found
}

// reader reads numbers; after the end they are 0.
type reader struct{ rest []byte }

func (r *reader) number(size int) (n uint32) {
	if len(r.rest) < size {
		r.rest = nil
		return 0
	}
	for _, b := range r.rest[:size] {
		n = n<<8 | uint32(b)
	}
	r.rest = r.rest[size:]
	return n
}
