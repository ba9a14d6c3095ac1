package mediatest

import (
	"image"
	"image/color"
	"math/rand/v2"

	"golang.org/x/image/draw"
)

// Scenery returns a picture of random blocks on a gradient: detailed and well exposed.
// The same seed gives the same picture, another seed a very different one.
func Scenery(seed uint64, width, height int) *image.RGBA {
	random := rand.New(rand.NewPCG(seed, 7))
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	base, slope := 60+random.IntN(80), 60+random.IntN(60)
	for y := range height {
		for x := range width {
			v := uint8(base + slope*y/height)
			img.SetRGBA(x, y, color.RGBA{v, v, uint8(min(255, int(v)+30)), 255})
		}
	}
	for range 40 {
		x, y := random.IntN(width), random.IntN(height)
		block := image.Rect(x, y, x+width/10+random.IntN(width/4), y+height/10+random.IntN(height/4))
		c := color.RGBA{uint8(20 + random.IntN(200)), uint8(20 + random.IntN(200)), uint8(20 + random.IntN(200)), 255}
		draw.Draw(img, block, image.NewUniform(c), image.Point{}, draw.Src)
	}
	return img
}

// Blurred returns the picture as if the lens was far out of focus.
func Blurred(img *image.RGBA) *image.RGBA {
	small := image.NewRGBA(image.Rect(0, 0, 12, 9))
	draw.CatmullRom.Scale(small, small.Bounds(), img, img.Bounds(), draw.Src, nil)
	out := image.NewRGBA(img.Bounds())
	draw.CatmullRom.Scale(out, out.Bounds(), small, small.Bounds(), draw.Src, nil)
	return out
}

// Exposed returns the picture with every value multiplied, clipped at white.
func Exposed(img *image.RGBA, factor float64) *image.RGBA {
	out := image.NewRGBA(img.Bounds())
	for i, v := range img.Pix {
		if i%4 == 3 {
			out.Pix[i] = 255
			continue
		}
		out.Pix[i] = uint8(min(255, float64(v)*factor))
	}
	return out
}

// Moved returns the picture as the next shot of a burst: a little to the side and a
// little brighter.
func Moved(img *image.RGBA) *image.RGBA {
	out := image.NewRGBA(img.Bounds())
	draw.Draw(out, out.Bounds(), img, image.Pt(0, 0), draw.Src)
	draw.Draw(out, out.Bounds(), img, image.Pt(img.Bounds().Dx()/100, 0), draw.Src)
	return Exposed(out, 1.03)
}
