package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/lambdatest"
	"lambdas.internal/shared/leaktest"
	"lambdas.internal/shared/mediatest"
)

func invoke(t *testing.T, function *lambdaboot.Function, key string, item int, limit time.Duration) (any, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	return function.Invoke(ctx, json.RawMessage(fmt.Sprintf(`{"sessionId":"s1","jobId":"j1","key":%q,"itemIndex":%d,"preset":"square"}`, key, item)))
}

func TestHandle(t *testing.T) {
	mediatest.Tools(t)
	s3, store := awstest.StartS3(t), jobs.New(awstest.StartDynamoDB(t))
	args := append(picture("640x360", "2"), "-pix_fmt", "yuv420p")
	s3.Put(t, "s1/originals/clip.mov", mediatest.Read(t, mediatest.Make(t, "clip.mov", args...)))
	s3.Put(t, "s1/originals/text.mp4", []byte("no video"))
	require.NoError(t, store.Create(t.Context(), "s1", jobs.NewJob("j1", jobs.Video, make([]string, 4))))
	item := func(index int) jobs.Item {
		report, err := store.Read(t.Context(), "s1", "j1")
		require.NoError(t, err)
		return report.Items[index]
	}
	function := lambdaboot.New(Build)

	t.Run("clip", func(t *testing.T) {
		got, err := invoke(t, function, "s1/originals/clip.mov", 0, time.Minute)
		require.NoError(t, err)
		assert.Equal(t, Result{
			VideoKey: "s1/enhanced/clip.mp4", PosterKey: "s1/enhanced/clip-poster.jpg", OriginalKey: "s1/originals/clip.mov",
			Width: 360, Height: 360, DurationMs: 2000,
		}, got)
		data, contentType := s3.Get(t, "s1/enhanced/clip.mp4")
		assert.Equal(t, "video/mp4", contentType)
		media, err := mediatest.Tools(t).Probe(t.Context(), mediatest.Write(t, "clip", data))
		require.NoError(t, err)
		assert.Equal(t, "h264", media.Codec)
		poster, contentType := s3.Get(t, "s1/enhanced/clip-poster.jpg")
		assert.Equal(t, "image/jpeg", contentType)
		config, err := jpeg.DecodeConfig(bytes.NewReader(poster))
		require.NoError(t, err)
		assert.Equal(t, []int{360, 360}, []int{config.Width, config.Height})
		assert.Equal(t, jobs.Succeeded, item(0).Status)
		assert.Equal(t, 100, item(0).Progress)
		assert.Contains(t, string(item(0).Result), `"videoKey":"s1/enhanced/clip.mp4"`)
	})
	t.Run("text named .mp4", func(t *testing.T) {
		_, err := invoke(t, function, "s1/originals/text.mp4", 1, time.Minute)
		lambdatest.ErrorType(t, fault.InvalidInput, err)
		assert.Equal(t, "InvalidInputError", item(1).ErrorType)
	})
	t.Run("no such object", func(t *testing.T) {
		_, err := invoke(t, function, "s1/originals/none.mp4", 2, time.Minute)
		lambdatest.ErrorType(t, fault.NotFound, err)
	})
	t.Run("progress is written, and the end of the time is recorded", func(t *testing.T) {
		// An ffmpeg that never ends, so that the test does not depend on the machine's speed.
		endless := mediatest.Write(t, "ffmpeg", []byte("#!/bin/sh\nprintf 'out_time_ms=500000\\nprogress=continue\\n'\nexec sleep 60\n"))
		require.NoError(t, os.Chmod(endless, 0o700))
		t.Setenv("FFMPEG_PATH", endless)
		_, err := invoke(t, lambdaboot.New(Build), "s1/originals/clip.mov", 3, 4*time.Second)
		lambdatest.ErrorType(t, fault.DeadlineExceeded, err)
		assert.Equal(t, 25, item(3).Progress, "half a second of two")
		assert.Equal(t, jobs.Failed, item(3).Status)
		assert.Equal(t, "DeadlineExceededError", item(3).ErrorType)
	})
}

func TestMissingConfigurationNamesTheVariable(t *testing.T) {
	mediatest.Tools(t)
	lambdatest.Configuration(t, Build, `{"sessionId":"s1","jobId":"j1","key":"s1/a.mp4"}`, "MEDIA_BUCKET_NAME")
	for _, variable := range []string{"FFMPEG_PATH", "FFPROBE_PATH"} {
		t.Run(variable, func(t *testing.T) {
			t.Setenv("MEDIA_BUCKET_NAME", "x")
			t.Setenv(variable, "")
			t.Setenv("PATH", t.TempDir())
			_, err := invoke(t, lambdaboot.New(Build), "s1/a.mp4", 0, time.Minute)
			lambdatest.ErrorType(t, fault.Configuration, err)
			assert.ErrorContains(t, err, variable)
		})
	}
}

func TestInvocationsLeaveNothing(t *testing.T) {
	mediatest.Tools(t)
	s3 := awstest.StartS3(t)
	awstest.StartDynamoDB(t)
	args := append(picture("64x64", "0.2"), "-pix_fmt", "yuv420p")
	s3.Put(t, "s1/originals/clip.mp4", mediatest.Read(t, mediatest.Make(t, "clip.mp4", args...)))
	s3.Put(t, "s1/originals/text.mp4", []byte("no video"))
	keys := []string{"clip.mp4", "text.mp4", "none.mp4"}
	function := lambdaboot.New(Build)
	failed := 0
	leaktest.Invocations(t, 200, func(i int) {
		if _, err := invoke(t, function, "s1/originals/"+keys[i%3], i, time.Minute); err != nil {
			failed++
		}
	})
	assert.Equal(t, 133, failed)
}
