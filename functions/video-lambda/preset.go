package main

import (
	"math"

	"lambdas.internal/shared/fault"
)

// Preset is the frame that a feed shows.
type Preset struct {
	Name string
	// Width and Height in pixels are the most that the feed shows.
	Width, Height int
}

// presets are the frames of the social feeds (Instagram and TikTok: 1080 x 1920
// reels and 1080 x 1080 squares; YouTube: 1920 x 1080).
var presets = []Preset{
	{"reel", 1080, 1920},
	{"landscape", 1920, 1080},
	{"square", 1080, 1080},
}

// FindPreset returns the preset of that name. An unknown one is a
// fault.InvalidInput.
func FindPreset(name string) (Preset, error) {
	for _, p := range presets {
		if p.Name == name {
			return p, nil
		}
	}
	return Preset{}, fault.New(fault.InvalidInput, "preset %q: want reel, square or landscape", name)
}

// tie is the difference in shape that is none: 4:3 lies halfway between 1:1 and
// 16:9, and keeps more of its meaning when it stays wide.
const tie = 1e-9

// NearestPreset returns the preset whose shape is most like width x height; of two
// equally near ones, the one that is no square.
func NearestPreset(width, height int) Preset {
	best, distance := presets[0], math.Inf(1)
	for _, p := range presets {
		d := math.Abs(math.Log(float64(width)/float64(height)) - math.Log(float64(p.Width)/float64(p.Height)))
		if d < distance-tie {
			best, distance = p, d
		}
	}
	return best
}

// Frame says which part of a picture is shown, and how large.
type Frame struct {
	// CropWidth and CropHeight of the middle of the picture, in its pixels.
	CropWidth, CropHeight int
	// Width and Height of the result, both even as yuv420p wants.
	Width, Height int
}

// Fit returns the largest middle part of a width x height picture that has the
// preset's shape, scaled down to the preset and never up.
func (p Preset) Fit(width, height int) Frame {
	cropWidth, cropHeight := float64(width), float64(height)
	if shape := float64(p.Width) / float64(p.Height); cropWidth/cropHeight > shape {
		cropWidth = cropHeight * shape
	} else {
		cropHeight = cropWidth / shape
	}
	scale := min(1, float64(p.Width)/cropWidth)
	return Frame{
		CropWidth: even(cropWidth), CropHeight: even(cropHeight),
		Width: even(cropWidth * scale), Height: even(cropHeight * scale),
	}
}

// even rounds down to an even number, but not below 2. The thousandth keeps 1080
// from becoming 1078 by a rounding error.
func even(v float64) int { return max(2, int(v+0.001)/2*2) }
