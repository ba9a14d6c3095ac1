package exif_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/shared/exif"
	"lambdas.internal/shared/mediatest"
)

func TestRead(t *testing.T) {
	plain := mediatest.JPEG(t, mediatest.Quarters(8, 8))
	taken := time.Date(2026, 5, 4, 13, 2, 1, 0, time.UTC)
	for name, test := range map[string]struct {
		data   []byte
		format string
		want   exif.Info
	}{
		"no metadata":          {plain, "jpeg", exif.Info{Orientation: 1}},
		"orientation and time": {mediatest.WithEXIF(plain, 6, taken), "jpeg", exif.Info{Orientation: 6, Taken: taken}},
		"orientation alone":    {mediatest.WithEXIF(plain, 3, time.Time{}), "jpeg", exif.Info{Orientation: 3}},
		"orientation 9":        {mediatest.WithEXIF(plain, 9, taken), "jpeg", exif.Info{Orientation: 1, Taken: taken}},
		"empty file":           {nil, "jpeg", exif.Info{Orientation: 1}},
		"text":                 {[]byte("hello"), "jpeg", exif.Info{Orientation: 1}},
		"unknown format":       {plain, "gif", exif.Info{Orientation: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, exif.Read(bytes.NewReader(test.data), test.format))
		})
	}
}

func FuzzRead(f *testing.F) {
	plain := mediatest.JPEG(f, mediatest.Quarters(8, 8))
	f.Add(plain)
	f.Add(mediatest.WithEXIF(plain, 6, time.Date(2026, 5, 4, 13, 2, 1, 0, time.UTC)))
	f.Fuzz(func(t *testing.T, data []byte) {
		info := exif.Read(bytes.NewReader(data), "jpeg")
		assert.True(t, info.Orientation >= 1 && info.Orientation <= 8)
	})
}
