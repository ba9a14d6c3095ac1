package ffmpeg

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
)

func TestParseProbe(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		want   Media
	}{
		"clip of a telephone held upright": {
			`{"streams":[{"codec_type":"audio","codec_name":"aac"},{"codec_type":"video","codec_name":"hevc","pix_fmt":"yuv420p10le","width":1920,"height":1080,
			"avg_frame_rate":"30000/1001","color_transfer":"arib-std-b67","side_data_list":[{"side_data_type":"Display Matrix","rotation":-90}]}],
			"format":{"format_name":"mov,mp4","duration":"12.5","tags":{"creation_time":"2026-05-01T12:00:00.000000Z"}}}`,
			Media{Container: "mov,mp4", Codec: "hevc", PixelFormat: "yuv420p10le", Width: 1080, Height: 1920, Rotation: 90, HDR: true,
				Duration: 12500 * time.Millisecond, FrameRate: 30000.0 / 1001, AudioCodec: "aac", Taken: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)},
		},
		"the older rotate tag": {
			`{"streams":[{"codec_type":"video","codec_name":"h264","width":640,"height":480,"tags":{"rotate":"270"}}],"format":{"format_name":"mov","duration":"1"}}`,
			Media{Container: "mov", Codec: "h264", Width: 480, Height: 640, Rotation: 270, Duration: time.Second},
		},
		"upside down": {
			`{"streams":[{"codec_type":"video","codec_name":"h264","width":640,"height":480,"side_data_list":[{"rotation":-180}]}],"format":{"format_name":"mov","duration":"1"}}`,
			Media{Container: "mov", Codec: "h264", Width: 640, Height: 480, Rotation: 180, Duration: time.Second},
		},
		"photo, which ffprobe gives a duration": {
			`{"streams":[{"codec_type":"video","codec_name":"mjpeg","width":64,"height":48,"avg_frame_rate":"25/1"}],"format":{"format_name":"jpeg_pipe","duration":"0.04"}}`,
			Media{Container: "jpeg_pipe", Codec: "mjpeg", Width: 64, Height: 48},
		},
		"cover picture before the video": {
			`{"streams":[{"codec_type":"video","codec_name":"png","width":10,"height":10,"disposition":{"attached_pic":1}},{"codec_type":"video","codec_name":"h264","width":64,"height":48}],
			"format":{"format_name":"mov","duration":"2"}}`,
			Media{Container: "mov", Codec: "h264", Width: 64, Height: 48, Duration: 2 * time.Second, VideoStream: 1},
		},
		"sound in a telephone's own codec before an accepted one": {
			`{"streams":[{"codec_type":"audio","codec_tag_string":"apac"},{"codec_type":"audio","codec_name":"aac"},{"codec_type":"audio","codec_name":"mp3"},
			{"codec_type":"video","codec_name":"hevc","width":64,"height":48}],"format":{"format_name":"mov","duration":"2"}}`,
			Media{Container: "mov", Codec: "hevc", Width: 64, Height: 48, Duration: 2 * time.Second, AudioCodec: "aac", AudioStream: 1},
		},
		"sound in an unknown codec": {
			`{"streams":[{"codec_type":"video","codec_name":"hevc","width":64,"height":48},{"codec_type":"audio","codec_tag_string":"apac"}],"format":{"format_name":"mov","duration":"2"}}`,
			Media{Container: "mov", Codec: "hevc", Width: 64, Height: 48, Duration: 2 * time.Second, AudioCodec: `"apac"`},
		},
		"pixels that are not square": {
			`{"streams":[{"codec_type":"video","codec_name":"dvvideo","width":720,"height":576,"sample_aspect_ratio":"64:45"}],"format":{"format_name":"mov","duration":"N/A"}}`,
			Media{Container: "mov", Codec: "dvvideo", Width: 1024, Height: 576, Squeezed: true},
		},
		"unknown frame rate and aspect": {
			`{"streams":[{"codec_type":"video","codec_name":"vp9","width":64,"height":48,"avg_frame_rate":"0/0","sample_aspect_ratio":"0:1","duration":"3"}],"format":{"format_name":"webm"}}`,
			Media{Container: "webm", Codec: "vp9", Width: 64, Height: 48, Duration: 3 * time.Second},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, err := parseProbe([]byte(test.output), "", false)
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestParseProbeRejects(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		kind   fault.Kind
	}{
		"no streams":  {`{"streams":[],"format":{"format_name":"mov"}}`, fault.InvalidInput},
		"sound alone": {`{"streams":[{"codec_type":"audio","codec_name":"mp3"}],"format":{"format_name":"mp3"}}`, fault.InvalidInput},
		"no size":     {`{"streams":[{"codec_type":"video","codec_name":"h264"}],"format":{"format_name":"mov"}}`, fault.InvalidInput},
		"cover alone": {`{"streams":[{"codec_type":"video","codec_name":"png","width":1,"height":1,"disposition":{"attached_pic":1}}]}`, fault.InvalidInput},
		"HEIC of two tiles": {`{"streams":[{"codec_type":"video","codec_name":"hevc","width":512,"height":512},{"codec_type":"video","codec_name":"hevc","width":512,"height":512}],
			"format":{"format_name":"mov,mp4"}}`, fault.InvalidInput},
		"a codec that is not accepted": {`{"streams":[{"codec_type":"video","codec_name":"magicyuv","width":64,"height":48}],"format":{"format_name":"avi","duration":"1"}}`, fault.InvalidInput},
		"a codec unknown to ffprobe":   {`{"streams":[{"codec_type":"video","codec_tag_string":"apv1","width":64,"height":48}],"format":{"format_name":"mov","duration":"1"}}`, fault.InvalidInput},
		"broken output":                {`{`, fault.Internal},
		"another format":               {`{"streams":7}`, fault.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := parseProbe([]byte(test.output), "", true)
			assert.Equal(t, test.kind, fault.KindOf(err), err)
		})
	}
}

func FuzzParseProbe(f *testing.F) {
	f.Add([]byte(`{"streams":[{"codec_type":"video","codec_name":"h264","width":640,"height":480,"sample_aspect_ratio":"64:45","avg_frame_rate":"30/1","side_data_list":[{"rotation":-180}]}],"format":{"format_name":"mov","duration":"1"}}`))
	f.Fuzz(func(t *testing.T, output []byte) {
		media, _, err := parseProbe(output, "", true)
		if err != nil {
			return
		}
		assert.Positive(t, media.Width)
		assert.Positive(t, media.Height)
		assert.GreaterOrEqual(t, media.Duration, time.Duration(0))
		assert.Zero(t, media.Rotation%90)
	})
}
