// Package exif reads the orientation and the time of a photo from its metadata.
package exif

import (
	"errors"
	"io"
	"time"

	"github.com/bep/imagemeta"
)

// Orientation is the EXIF value 1 to 8 of tag 0x0112; 1 is upright.
type Orientation int

// Upright is the orientation of a photo that needs no turn.
const Upright Orientation = 1

// Info holds what the metadata says.
type Info struct {
	// Orientation is Upright when the metadata has no valid value.
	Orientation Orientation
	// Taken is the zero time when it is unknown. A time without a zone counts as UTC.
	Taken time.Time
}

var formats = map[string]imagemeta.ImageFormat{
	"jpeg": imagemeta.JPEG,
	"png":  imagemeta.PNG,
	"webp": imagemeta.WebP,
	"heif": imagemeta.HEIF,
}

// Read returns the metadata of a photo of the given format: "jpeg", "png", "webp" or
// "heif". Broken or missing metadata is not an error. A HEIC or AVIF picture says twice
// how it is turned, and what is not in EXIF counts (ISO/IEC 23008-12, annex A.2.1).
func Read(r io.ReadSeeker, format string) Info {
	if format != "heif" {
		return read(r, format)
	}
	orientation, told := heifOrientation(r)
	if _, err := r.Seek(0, io.SeekStart); err != nil {
		return Info{Orientation: orientation}
	}
	info := read(r, format)
	if told {
		info.Orientation = orientation
	}
	return info
}

func read(r io.ReadSeeker, format string) Info {
	info := Info{Orientation: Upright}
	imageFormat, ok := formats[format]
	if !ok {
		return info
	}
	var tags imagemeta.Tags
	_, err := imagemeta.Decode(imagemeta.Options{
		R:               r,
		ImageFormat:     imageFormat,
		Sources:         imagemeta.EXIF,
		ShouldHandleTag: func(t imagemeta.TagInfo) bool { return wanted[t.Tag] },
		HandleTag: func(t imagemeta.TagInfo) error {
			if t.Namespace != "IFD1" { // IFD1 describes the embedded thumbnail
				tags.Add(t)
			}
			return nil
		},
	})
	if err != nil && !errors.Is(err, imagemeta.ErrStopWalking) && len(tags.EXIF()) == 0 {
		return info
	}
	if t, ok := tags.EXIF()[tagOrientation]; ok {
		if o := integer(t.Value); o >= 1 && o <= 8 {
			info.Orientation = Orientation(o)
		}
	}
	info.Taken = taken(tags.EXIF())
	return info
}

const (
	tagOrientation = "Orientation"
	tagTaken       = "DateTimeOriginal"
	tagTakenZone   = "OffsetTimeOriginal"
)

var wanted = map[string]bool{tagOrientation: true, tagTaken: true, tagTakenZone: true}

// taken combines the time and its zone (EXIF 2.32, tags 0x9003 and 0x9011).
func taken(tags map[string]imagemeta.TagInfo) time.Time {
	local, _ := tags[tagTaken].Value.(string)
	zone, _ := tags[tagTakenZone].Value.(string)
	if t, err := time.Parse("2006:01:02 15:04:05-07:00", local+zone); err == nil {
		return t.UTC()
	}
	t, err := time.Parse("2006:01:02 15:04:05", local)
	if err != nil {
		return time.Time{}
	}
	return t
}

func integer(v any) int {
	switch n := v.(type) {
	case uint16:
		return int(n)
	case uint32:
		return int(n)
	case uint8:
		return int(n)
	case int:
		return n
	case int64:
		return int(n)
	}
	return 0
}
