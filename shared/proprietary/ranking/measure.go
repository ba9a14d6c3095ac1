// Package ranking is the proprietary selection: it measures photos, groups them
// into scenes and ranks them.
package ranking

import (
	"image"
	"math"

	"github.com/corona10/goimagehash"
	"golang.org/x/image/draw"

	"lambdas.internal/shared/fault"
)

// Measures of one photo. All but Hash are between 0 and 1, 1 being best.
type Measures struct {
	// Sharpness of the sharpest part.
	Sharpness float64 `json:"sharpness"`
	// Exposure is 1 when light is spread well and nothing is clipped.
	Exposure float64 `json:"exposure"`
	// Hash is the perceptual hash: near-duplicates differ in few bits.
	Hash uint64 `json:"-"`
}

// Score puts the measures into one number from 0 to 1.
func (m Measures) Score() float64 { return sharpnessWeight*m.Sharpness + exposureWeight*m.Exposure }

const (
	// A blurred photo cannot be saved, a dark one often can.
	sharpnessWeight = 0.6
	exposureWeight  = 0.4

	// measured is the side in pixels at which photos are measured, so that values of
	// thumbnails of different sizes compare.
	measured = 320
	// tiles on a side: the sharpest tile counts, so that a portrait before a soft
	// background is not taken for blurred.
	tiles = 4
	// halfSharp is the Laplacian variance that gives a sharpness of one half; visibly
	// sharp photos at this size are above it (Pech-Pacheco et al., "Diatom autofocusing
	// in brightfield microscopy", 2000, use the same measure).
	halfSharp = 300.0
	// midGrey is the mean luma of a well-exposed photo: 18 % grey in sRGB.
	midGrey = 118.0
	// clipLow and clipHigh are the lumas from which detail is lost.
	clipLow, clipHigh = 5, 250
)

// Measure measures a photo, best a thumbnail of about 400 pixels.
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
		return 64 // two hashes of one kind always compare
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

// sharpness is the variance of the Laplacian in the sharpest of tiles x tiles
// parts, on a scale that saturates at 1.
func sharpness(luma *image.Gray) float64 {
	bounds := luma.Bounds()
	best := 0.0
	for ty := range tiles {
		for tx := range tiles {
			// Not image.Rect, which turns the empty part of a narrow picture inside out.
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

// exposure falls with the distance of the mean from mid grey and with the share of
// clipped pixels.
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
