package ffmpeg

import (
	"fmt"
	"strings"
)

// Tiles say how the parts of a picture are put together. Telephones store a HEIC as a
// grid of parts of 512 x 512 pixels.
type Tiles struct {
	parts         []tile
	x, y          int
	width, height int
}

// tile is a stream of the file, and its place.
type tile struct{ Stream, X, Y int }

// probeGroup is a group of streams (ffprobe 7.1 and newer).
type probeGroup struct {
	Type        string `json:"type"`
	Disposition struct {
		Default int `json:"default"`
	} `json:"disposition"`
	Components []struct {
		X      int `json:"horizontal_offset"`
		Y      int `json:"vertical_offset"`
		Width  int `json:"width"`
		Height int `json:"height"`
		Parts  []struct {
			Stream int `json:"stream_index"`
			X      int `json:"tile_horizontal_offset"`
			Y      int `json:"tile_vertical_offset"`
		} `json:"subcomponents"`
	} `json:"components"`
}

// tileLimit is how many streams ffmpeg opens (libavformat/options_table.h, max_streams).
const tileLimit = 1000

// tiles returns the grid that is the picture itself, and not one of its depth or
// brightness. If there is none, it returns nil.
func (o probeOutput) tiles() (found *Tiles) {
	for _, group := range o.Groups {
		if group.Type != "Tile Grid" || group.Disposition.Default == 0 || len(group.Components) != 1 {
			continue
		}
		grid := group.Components[0]
		if len(grid.Parts) < 2 || len(grid.Parts) > tileLimit || grid.Width <= 0 || grid.Height <= 0 {
			continue
		}
		found = &Tiles{x: grid.X, y: grid.Y, width: grid.Width, height: grid.Height}
		for _, part := range grid.Parts {
			found.parts = append(found.parts, tile(part))
		}
		return found
	}
	return nil
}

// Filter returns the filters that put the parts together, without an output label.
func (t *Tiles) Filter() string {
	var inputs strings.Builder
	places := make([]string, len(t.parts))
	for i, part := range t.parts {
		fmt.Fprintf(&inputs, "[0:%d]", part.Stream)
		places[i] = fmt.Sprintf("%d_%d", part.X, part.Y)
	}
	return fmt.Sprintf("%sxstack=inputs=%d:layout=%s,crop=%d:%d:%d:%d", &inputs, len(t.parts), strings.Join(places, "|"), t.width, t.height, t.x, t.y)
}
