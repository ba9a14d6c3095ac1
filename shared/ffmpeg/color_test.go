package ffmpeg

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestColors(t *testing.T) {
	for name, test := range map[string]struct {
		media   Media
		picture string
		video   string
	}{
		"JPEG: nothing to do": {Media{Codec: "mjpeg", PixelFormat: "yuvj420p", color: color{matrix: "bt470bg", reach: "pc"}},
			"", "scale=in_color_matrix=bt601:in_range=pc:out_color_matrix=bt709:out_range=tv"},
		"video of the web: nothing to do": {Media{Codec: "h264", PixelFormat: "yuv420p", color: color{matrix: "bt709", primaries: "bt709", reach: "tv"}},
			"scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc", ""},
		"no tags, many lines": {Media{Codec: "h264", PixelFormat: "yuv420p", Width: 1280, Height: 720}, "scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc", ""},
		"P3: the profile goes too": {Media{Codec: "hevc", PixelFormat: "yuvj420p", color: color{matrix: "smpte170m", primaries: "smpte432", reach: "pc"}},
			"scale=in_color_matrix=bt601:in_range=pc:out_color_matrix=bt709:out_range=tv format=yuv444p zscale=tin=bt709:t=bt709:min=bt709:m=bt709:rin=tv:r=tv:p=bt709:pin=smpte432 " +
				NoProfile + " scale=in_color_matrix=bt709:in_range=tv:out_color_matrix=bt601:out_range=pc",
			"scale=in_color_matrix=bt601:in_range=pc:out_color_matrix=bt709:out_range=tv format=yuv444p colorspace=all=bt709:iall=bt709:irange=tv:range=tv:iprimaries=smpte432 " + NoProfile},
		"RGB": {Media{Codec: "png", PixelFormat: "rgba"}, "", "format=gbrp scale=out_color_matrix=bt709:out_range=tv"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.picture, strings.Join(test.media.ForPicture(), " "))
			video := test.media.ForVideo()
			assert.Equal(t, test.video, strings.Join(video[:len(video)-2], " "), "and the format and its tags")
		})
	}
}
