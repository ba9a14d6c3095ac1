package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/mediatest"
)

// A large clip is not written to /tmp. Its index is at its end, as cameras write it.
func TestLargeClipIsReadInParts(t *testing.T) {
	clip := mediatest.Read(t, mediatest.Make(t, "in.mov", append(picture("1280x720", "2"), "-f", "lavfi", "-i", "sine=duration=2", "-vf", "noise=alls=100:allf=t", "-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj420p", "-c:a", "aac")...))
	require.Greater(t, len(clip), wholeLimit)
	mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
		s3, store := awstest.StartS3(t), jobs.New(awstest.StartDynamoDB(t))
		require.NoError(t, store.Create(t.Context(), "s1", jobs.NewJob("j1", jobs.Video, make([]string, 2))))
		s3.Put(t, "s1/originals/clip.mov", clip)
		tmp := t.TempDir()
		t.Setenv("TMPDIR", tmp)
		most, done := int64(0), make(chan struct{})
		go func() {
			defer close(done)
			for t.Context().Err() == nil {
				files, _ := filepath.Glob(filepath.Join(tmp, "*", "original"))
				for _, file := range files {
					if info, err := os.Stat(file); err == nil {
						most = max(most, info.Size())
					}
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		got, err := invoke(t, lambdaboot.New(Build), "s1/originals/clip.mov", 0, time.Minute)
		require.NoError(t, err)
		data, err := json.Marshal(got)
		require.NoError(t, err)
		assert.Contains(t, string(data), `"width":720,"height":720,"durationMs":2`)
		t.Cleanup(func() {
			<-done
			assert.Zero(t, most, "bytes of the original in /tmp")
		})

		s3.Put(t, "s1/originals/text.mp4", make([]byte, wholeLimit+1))
		_, err = invoke(t, lambdaboot.New(Build), "s1/originals/text.mp4", 1, time.Minute)
		require.ErrorContains(t, err, "not a picture or video of a known kind")
	})
}
