package endtoend

import (
	"bytes"
	"fmt"
	"image"
	_ "image/png" // the enhanced picture
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/exif"
	"lambdas.internal/shared/geminitest"
	"lambdas.internal/shared/mediatest"
)

// gemini answers like the real service: an image model edits the picture, a text model
// judges every picture that it gets.
func gemini(edited []byte) geminitest.Answer {
	edit, judge := geminitest.Image(edited, "image/jpeg", "Warmer now."), geminitest.Func(keepAll)
	return func(w http.ResponseWriter, r *http.Request, asked geminitest.Request) {
		if strings.Contains(asked.Model, "image") {
			edit(w, r, asked)
		} else {
			judge(w, r, asked)
		}
	}
}

var candidate = regexp.MustCompile(`^id (\d+): `)

func keepAll(asked geminitest.Request) string {
	var items []string
	for _, part := range asked.Contents[0].Parts {
		if m := candidate.FindStringSubmatch(part.Text); m != nil {
			items = append(items, fmt.Sprintf(`{"id":%s,"score":90,"keep":true,"reason":"sharp"}`, m[1]))
		}
	}
	return `{"items":[` + strings.Join(items, ",") + `]}`
}

// TestATripFromUploadToDownload does what the app does: it uploads three photos and a
// clip; starts jobs that make thumbnails, rank a selection, enhance a photo and prepare
// the clip for a feed; and downloads the results.
func TestATripFromUploadToDownload(t *testing.T) {
	tools := mediatest.Tools(t)
	edited := mediatest.JPEG(t, mediatest.Scenery(9, 1200, 900))
	model := geminitest.Start(t, gemini(edited))
	s := start(t)

	noon := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	upright := mediatest.Quarters(1600, 1200)
	clip := mediatest.Turned(t, mediatest.Make(t, "clip.mp4",
		"-f", "lavfi", "-i", "testsrc=size=640x360:rate=25:duration=2",
		"-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-pix_fmt", "yuv420p", "-shortest"))
	keys := s.upload(t, []file{
		{"turned.jpg", "image/jpeg", mediatest.WithEXIF(mediatest.JPEG(t, mediatest.Stored(upright, 6)), exif.Orientation(6), noon)},
		{"view.jpg", "image/jpeg", mediatest.WithEXIF(mediatest.JPEG(t, mediatest.Scenery(1, 1600, 1200)), 1, noon.Add(time.Minute))},
		{"burst.jpg", "image/jpeg", mediatest.WithEXIF(mediatest.JPEG(t, mediatest.Moved(mediatest.Scenery(1, 1600, 1200))), 1, noon.Add(61*time.Second))},
		{"clip.mp4", "video/mp4", mediatest.Read(t, clip)},
	})

	s.refused(t, "/uploads", `{"files":[{"name":"a.heic","contentType":"image/heic","size":20000000}]}`, "image/heic cannot be read by the ffmpeg of this installation")

	thumbnails := s.run(t, map[string]any{"kind": "thumbnail", "keys": keys})
	require.Len(t, thumbnails, 4)
	data, _ := s.download(t, thumbnails[0]["thumbnailKey"].(string))
	thumbnail, format, err := image.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	assert.Equal(t, "jpeg", format)
	assert.Equal(t, image.Pt(400, 300), thumbnail.Bounds().Size())
	mediatest.AssertUpright(t, thumbnail)
	s.look(t, "thumbnail.jpg", data)
	assert.InDelta(t, 2000, thumbnails[3]["durationMs"], 100)

	selection := s.run(t, map[string]any{"kind": "selection", "keys": keys, "tripContext": "Rome in May"})[0]
	assert.Equal(t, "model", selection["rankedBy"], "%v", selection["modelError"])
	counts := selection["counts"].(map[string]any)
	assert.InDelta(t, 3, counts["selected"], 0)
	assert.InDelta(t, 1, counts["excluded"], 0, "one of the burst: %v", selection)

	enhanced := s.run(t, map[string]any{"kind": "enhancement", "keys": keys[1:2], "wish": "warmer light"})[0]
	assert.Equal(t, "Warmer now.", enhanced["remark"])
	data, _ = s.download(t, enhanced["enhancedKey"].(string))
	picture, _, err := image.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	assert.Equal(t, image.Pt(1200, 900), picture.Bounds().Size())
	s.look(t, "enhanced.jpg", data)

	video := s.run(t, map[string]any{"kind": "video", "keys": keys[3:], "preset": "reel"})[0]
	data, path := s.download(t, video["videoKey"].(string))
	probed, err := tools.Probe(t.Context(), path)
	require.NoError(t, err)
	assert.Equal(t, "h264", probed.Codec)
	assert.Equal(t, "aac", probed.AudioCodec)
	assert.Equal(t, "yuv420p", probed.PixelFormat)
	assert.Zero(t, probed.Rotation)
	assert.Greater(t, probed.Height, probed.Width, "the clip was turned, and a reel is upright")
	assert.Zero(t, probed.Width%2+probed.Height%2)
	assert.InDelta(t, 2, probed.Duration.Seconds(), 0.1)
	s.look(t, "reel.mp4", data)
	data, _ = s.download(t, video["posterKey"].(string))
	s.look(t, "poster.jpg", data)

	assert.GreaterOrEqual(t, len(model.Requests()), 2, "the model was asked for the selection and the enhancement")
}

// look writes a result to the folder in LOOK, if that is set, so that a person can look
// at it.
func (s *system) look(t *testing.T, name string, data []byte) {
	t.Helper()
	if dir := os.Getenv("LOOK"); dir != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), data, 0o600))
	}
}
