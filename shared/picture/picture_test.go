package picture_test

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediatest"
	"lambdas.internal/shared/picture"
)

func TestDecode(t *testing.T) {
	var asPNG bytes.Buffer
	require.NoError(t, png.Encode(&asPNG, mediatest.Quarters(40, 30)))
	webp := mediatest.Read(t, mediatest.Make(t, "a.webp", "-i", mediatest.Write(t, "a.png", asPNG.Bytes())))
	for name, data := range map[string][]byte{"PNG": asPNG.Bytes(), "JPEG": mediatest.JPEG(t, mediatest.Quarters(40, 30)), "WebP": webp} {
		t.Run(name, func(t *testing.T) {
			img, err := picture.Decode(data)
			require.NoError(t, err)
			assert.Equal(t, image.Pt(40, 30), img.Bounds().Size())
			mediatest.AssertUpright(t, img)
		})
	}
	for name, data := range map[string][]byte{
		"empty":        nil,
		"text":         []byte("no picture"),
		"cut in half":  asPNG.Bytes()[:asPNG.Len()/2],
		"enormous PNG": []byte("\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\xea\x60\x00\x00\xea\x60\x08\x02\x00\x00\x00\xe7\xc7\x7c\xdb"),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := picture.Decode(data)
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
		})
	}
}

func TestFit(t *testing.T) {
	for name, test := range map[string]struct{ from, want image.Point }{
		"landscape": {image.Pt(1600, 900), image.Pt(400, 225)},
		"portrait":  {image.Pt(900, 1600), image.Pt(225, 400)},
		"small":     {image.Pt(30, 20), image.Pt(30, 20)},
		"a strip":   {image.Pt(4000, 1), image.Pt(400, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.want, picture.Fit(image.NewRGBA(image.Rectangle{Max: test.from}), 400).Bounds().Size())
		})
	}
	t.Run("part of a larger picture", func(t *testing.T) {
		part := mediatest.Quarters(800, 600).SubImage(image.Rect(400, 300, 800, 600))
		assertColour(t, color.RGBA{220, 220, 30, 255}, picture.Fit(part, 100).At(50, 37))
	})
	t.Run("transparency becomes white", func(t *testing.T) {
		assertColour(t, color.RGBA{255, 255, 255, 255}, picture.Fit(image.NewNRGBA(image.Rect(0, 0, 9, 9)), 4).At(2, 2))
	})
}

func assertColour(t *testing.T, want color.RGBA, got color.Color) {
	t.Helper()
	assert.Equal(t, want, color.RGBAModel.Convert(got))
}

func TestEncodeJPEG(t *testing.T) {
	var buf bytes.Buffer
	require.NoError(t, picture.EncodeJPEG(&buf, mediatest.Quarters(64, 64)))
	img, err := jpeg.Decode(&buf)
	require.NoError(t, err)
	mediatest.AssertUpright(t, img)
}
