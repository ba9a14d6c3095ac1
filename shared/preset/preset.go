// Package preset has the frames in which feeds show videos.
package preset

import (
	"math"

	"lambdas.internal/shared/fault"
)

// Preset is the frame in which a feed shows a video.
type Preset struct {
	Name string
	// Width and Height in pixels are the largest size that the feed shows.
	Width, Height int
}

// presets are the frames of the social feeds (Instagram and TikTok: 1080 x 1920
// reels and 1080 x 1080 squares; YouTube: 1920 x 1080).
var presets = []Preset{
	{"reel", 1080, 1920},
	{"landscape", 1920, 1080},
	{"square", 1080, 1080},
}

// Find returns the preset with the given name. If there is none, the error is a
// fault.InvalidInput.
func Find(name string) (Preset, error) {
	for _, p := range presets {
		if p.Name == name {
			return p, nil
		}
	}
	return Preset{}, fault.New(fault.InvalidInput, "preset %q: want reel, square or landscape", name)
}

// tie is the difference up to which two distances count as equal: 4:3 is as near to 1:1
// as to 16:9, apart from rounding.
const tie = 1e-9

// Nearest returns the preset whose shape is nearest to width x height. If two are
// equally near, it returns the one that is not a square, which shows more of the picture.
func Nearest(width, height int) Preset {
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
	// CropWidth and CropHeight are the size of the middle part that is shown, in pixels of
	// the picture.
	CropWidth, CropHeight int
	// Width and Height of the result. Both are even, as yuv420p requires.
	Width, Height int
}

// Fit returns the largest middle part of a width x height picture that has the preset's
// shape. It scales the part down to the preset if it is larger, and never up.
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

// even rounds down to an even number, but not below 2. It adds a thousandth so that a
// rounding error does not turn 1080 into 1078.
func even(v float64) int { return max(2, int(v+0.001)/2*2) }
