// Package picture decodes, scales and encodes pictures in pure Go, without ffmpeg.
package picture

import (
	"bytes"
	"image"
	"image/color"
	"image/jpeg"
	_ "image/png" // decoder
	"io"

	"golang.org/x/image/draw"
	_ "golang.org/x/image/webp" // decoder

	"lambdas.internal/shared/fault"
)

// pixelLimit lets a decoded picture (4 bytes a pixel) fit into a function of 512 MB.
const pixelLimit = 80_000_000

// jpegQuality is on a scale from 1 to 100. At thumbnail size, 85 shows no artefacts.
const jpegQuality = 85

// Decode reads a JPEG, PNG or WebP picture. If data is something else, or the picture has
// more than 80 million pixels, the error is a fault.InvalidInput.
func Decode(data []byte) (image.Image, error) {
	config, format, err := image.DecodeConfig(bytes.NewReader(data))
	if err != nil {
		return nil, fault.New(fault.InvalidInput, "decode picture: %w", err)
	}
	if pixels := int64(config.Width) * int64(config.Height); pixels > pixelLimit {
		return nil, fault.New(fault.InvalidInput, "decode picture: %d x %d pixels are more than the limit of %d million", config.Width, config.Height, pixelLimit/1_000_000)
	}
	img, _, err := image.Decode(bytes.NewReader(data))
	if err != nil {
		return nil, fault.New(fault.InvalidInput, "decode %s picture: %w", format, err)
	}
	return img, nil
}

// Fit scales img down so that its longest side has at most side pixels. A small picture
// keeps its size. Transparent parts become white.
func Fit(img image.Image, side int) *image.RGBA {
	size := img.Bounds().Size()
	if longest := max(size.X, size.Y); longest > side {
		size = image.Pt(max(1, size.X*side/longest), max(1, size.Y*side/longest))
	}
	out := image.NewRGBA(image.Rectangle{Max: size})
	draw.Draw(out, out.Bounds(), image.NewUniform(color.White), image.Point{}, draw.Src)
	draw.CatmullRom.Scale(out, out.Bounds(), img, img.Bounds(), draw.Over, nil)
	return out
}

// EncodeJPEG writes img to w.
func EncodeJPEG(w io.Writer, img image.Image) error {
	if err := jpeg.Encode(w, img, &jpeg.Options{Quality: jpegQuality}); err != nil {
		return fault.New(fault.Internal, "encode JPEG: %w", err)
	}
	return nil
}
