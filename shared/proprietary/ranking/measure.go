// Package ranking selects the best photos and clips of a trip: it measures them, groups
// them into scenes and ranks them. It is proprietary.
package ranking

import (
	"image"
	"math"

	"github.com/corona10/goimagehash"
	"golang.org/x/image/draw"

	"lambdas.internal/shared/fault"
)

// Measures of one photo. All but Hash are between 0 and 1; 1 is best.
type Measures struct {
	// Sharpness of the sharpest part.
	Sharpness float64 `json:"sharpness"`
	// Exposure is 1 when the mean brightness is right and no pixel is too dark or too bright.
	Exposure float64 `json:"exposure"`
	// Hash is the perceptual hash: the hashes of similar photos differ in few bits.
	Hash uint64 `json:"-"`
}

// Score combines the measures into one number from 0 to 1.
func (m Measures) Score() float64 { return sharpnessWeight*m.Sharpness + exposureWeight*m.Exposure }

const (
	// Sharpness counts more: a blurred photo cannot be corrected, a dark one often can.
	sharpnessWeight = 0.6
	exposureWeight  = 0.4

	// measured is the longest side in pixels to which photos are scaled before they are
	// measured, so that the values do not depend on the size of the thumbnail.
	measured = 320
	// tiles on a side: the sharpest tile counts, so that a portrait in front of a soft
	// background does not count as blurred.
	tiles = 4
	// halfSharp is the Laplacian variance that gives a sharpness of one half; visibly
	// sharp photos at this size are above it (Pech-Pacheco et al., "Diatom autofocusing
	// in brightfield microscopy", 2000, use the same measure).
	halfSharp = 300.0
	// midGrey is the mean luma of a well-exposed photo: 18 % grey in sRGB.
	midGrey = 118.0
	// At clipLow and below, and at clipHigh and above, a photo shows no detail.
	clipLow, clipHigh = 5, 250
)

// Measure measures a photo. A thumbnail of about 400 pixels is best.
func Measure(img image.Image) (Measures, error) {
	hash, err := goimagehash.PerceptionHash(img)
	if err != nil {
		return Measures{}, fault.New(fault.InvalidInput, "perceptual hash: %w", err)
	}
	luma := toLuma(img)
	return Measures{Sharpness: sharpness(luma), Exposure: exposure(luma), Hash: hash.GetHash()}, nil
}

// Distance is how many of the 64 bits of two hashes differ.
func Distance(a, b Measures) int {
	distance, err := goimagehash.NewImageHash(a.Hash, goimagehash.PHash).Distance(goimagehash.NewImageHash(b.Hash, goimagehash.PHash))
	if err != nil {
		return 64 // cannot happen: both hashes are of the same kind
	}
	return distance
}

func toLuma(img image.Image) *image.Gray {
	size := img.Bounds().Size()
	longest := max(size.X, size.Y, 1)
	out := image.NewGray(image.Rect(0, 0, max(3, size.X*measured/longest), max(3, size.Y*measured/longest)))
	draw.BiLinear.Scale(out, out.Bounds(), img, img.Bounds(), draw.Src, nil)
	return out
}

// sharpness returns the variance of the Laplacian in the sharpest of tiles x tiles parts,
// on a scale that approaches 1.
func sharpness(luma *image.Gray) float64 {
	bounds := luma.Bounds()
	best := 0.0
	for ty := range tiles {
		for tx := range tiles {
			// image.Rect would swap the corners of an empty part, which a narrow picture has.
			part := image.Rectangle{
				Min: image.Pt(max(1, bounds.Dx()*tx/tiles), max(1, bounds.Dy()*ty/tiles)),
				Max: image.Pt(min(bounds.Dx()-1, bounds.Dx()*(tx+1)/tiles), min(bounds.Dy()-1, bounds.Dy()*(ty+1)/tiles)),
			}
			best = max(best, laplacianVariance(luma, part))
		}
	}
	return best / (best + halfSharp)
}

func laplacianVariance(luma *image.Gray, part image.Rectangle) float64 {
	var sum, squares, n float64
	at := func(x, y int) float64 { return float64(luma.Pix[y*luma.Stride+x]) }
	for y := part.Min.Y; y < part.Max.Y; y++ {
		for x := part.Min.X; x < part.Max.X; x++ {
			v := at(x-1, y) + at(x+1, y) + at(x, y-1) + at(x, y+1) - 4*at(x, y)
			sum, squares, n = sum+v, squares+v*v, n+1
		}
	}
	if n == 0 {
		return 0
	}
	mean := sum / n
	return squares/n - mean*mean
}

// exposure is lower the more the mean differs from mid grey, and the more pixels are
// too dark or too bright.
func exposure(luma *image.Gray) float64 {
	var sum, clipped float64
	for _, v := range luma.Pix {
		sum += float64(v)
		if v <= clipLow || v >= clipHigh {
			clipped++
		}
	}
	n := float64(len(luma.Pix))
	off := math.Abs(sum/n-midGrey) / max(midGrey, 255-midGrey)
	return max(0, 1-off*off) * (1 - clipped/n)
}
