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

// invoke sends an event to the function as Lambda does, and decodes the result.
func invoke[R any](t *testing.T, function *lambdaboot.Function, payload string) (R, error) {
	t.Helper()
	var result R
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	out, err := function.Invoke(ctx, json.RawMessage(payload))
	if err != nil {
		return result, err
	}
	data, err := json.Marshal(out)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(data, &result))
	return result, nil
}

func TestHandle(t *testing.T) {
	mediatest.Tools(t)
	s3 := awstest.StartS3(t)
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	function := lambdaboot.New(Build)
	photo := mediatest.WithEXIF(mediatest.JPEG(t, mediatest.Stored(mediatest.Quarters(600, 900), 6)), 6, time.Time{})
	s3.Put(t, "s1/originals/photo.jpg", photo)
	s3.Put(t, "s1/originals/my photo.jpg", photo)
	s3.Put(t, "s1/originals/text.jpg", []byte("no picture"))
	s3.Put(t, "s1/originals/empty.jpg", nil)
	s3.Put(t, "s1/originals/clip.mp4", mediatest.Read(t, mediatest.Make(t, "clip.mp4",
		"-f", "lavfi", "-i", "testsrc=size=640x360:rate=25:duration=2", "-pix_fmt", "yuv420p")))

	t.Run("photo", func(t *testing.T) {
		got, err := invoke[Result](t, function, `{"sessionId":"s1","key":"s1/originals/photo.jpg"}`)
		require.NoError(t, err)
		assert.Equal(t, Result{ThumbnailKey: "s1/thumbnails/photo.jpg", OriginalKey: "s1/originals/photo.jpg", Width: 267, Height: 400}, got)
		data, contentType := s3.Get(t, got.ThumbnailKey)
		assert.Equal(t, "image/jpeg", contentType)
		img, err := jpeg.Decode(bytes.NewReader(data))
		require.NoError(t, err)
		mediatest.AssertUpright(t, img)
	})
	t.Run("video", func(t *testing.T) {
		got, err := invoke[Result](t, function, `{"sessionId":"s1","key":"s1/originals/clip.mp4","bucket":"`+awstest.Bucket+`"}`)
		require.NoError(t, err)
		assert.Equal(t, Result{ThumbnailKey: "s1/thumbnails/clip.jpg", OriginalKey: "s1/originals/clip.mp4", Width: 400, Height: 225, DurationMs: 2000}, got)
	})
	t.Run("notification", func(t *testing.T) {
		payload := fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":%q},"object":{"key":"s1/originals/my+photo.jpg"}}}]}`, awstest.Bucket)
		got, err := invoke[NotificationResult](t, function, payload)
		require.NoError(t, err)
		require.Len(t, got.Thumbnails, 1)
		assert.Equal(t, "s1/thumbnails/my photo.jpg", got.Thumbnails[0].ThumbnailKey)
	})
	t.Run("notification with a bad object still makes the others", func(t *testing.T) {
		record := `{"eventName":"ObjectCreated:Put","s3":{"bucket":{"name":"` + awstest.Bucket + `"},"object":{"key":%q}}}`
		s3.Put(t, "s2/originals/last.jpg", photo)
		_, err := invoke[NotificationResult](t, function, `{"Records":[`+fmt.Sprintf(record, "s1/originals/text.jpg")+","+fmt.Sprintf(record, "s2/originals/last.jpg")+`]}`)
		lambdatest.ErrorType(t, fault.InvalidInput, err)
		assert.Contains(t, s3.Keys(t), "s2/thumbnails/last.jpg")
	})
	for name, test := range map[string]struct {
		payload string
		kind    fault.Kind
	}{
		"text named .jpg":  {`{"sessionId":"s1","key":"s1/originals/text.jpg"}`, fault.InvalidInput},
		"empty object":     {`{"sessionId":"s1","key":"s1/originals/empty.jpg"}`, fault.InvalidInput},
		"no such object":   {`{"sessionId":"s1","key":"s1/originals/none.jpg"}`, fault.NotFound},
		"no such bucket":   {`{"sessionId":"s1","key":"s1/originals/photo.jpg","bucket":"elsewhere"}`, fault.NotFound},
		"another's object": {`{"sessionId":"s2","key":"s1/originals/photo.jpg"}`, fault.InvalidInput},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := invoke[Result](t, function, test.payload)
			lambdatest.ErrorType(t, test.kind, err)
		})
	}
	t.Run("with a job", func(t *testing.T) {
		records := jobs.New(awstest.StartDynamoDB(t))
		require.NoError(t, records.Create(t.Context(), "s1", jobs.NewJob("j1", jobs.Thumbnail, []string{"s1/originals/photo.jpg", "s1/originals/text.jpg"})))
		function := lambdaboot.New(Build)
		got, err := invoke[Result](t, function, `{"sessionId":"s1","key":"s1/originals/photo.jpg","jobId":"j1"}`)
		require.NoError(t, err)
		_, err = invoke[Result](t, function, `{"sessionId":"s1","key":"s1/originals/text.jpg","jobId":"j1","itemIndex":1}`)
		lambdatest.ErrorType(t, fault.InvalidInput, err)
		report, err := records.Read(t.Context(), "s1", "j1")
		require.NoError(t, err)
		assert.JSONEq(t, fmt.Sprintf(`{"thumbnailKey":%q,"originalKey":"s1/originals/photo.jpg","width":267,"height":400,"durationMs":0}`, got.ThumbnailKey), string(report.Items[0].Result))
		assert.Equal(t, "InvalidInputError", report.Items[1].ErrorType)
	})
	left, err := os.ReadDir(tmp)
	require.NoError(t, err)
	assert.Empty(t, left, "temporary files")
}

func TestServerThatIsDownIsTransient(t *testing.T) {
	mediatest.Tools(t)
	awstest.StartS3(t)
	t.Setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1")
	_, err := invoke[Result](t, lambdaboot.New(Build), `{"sessionId":"s1","key":"s1/a.jpg"}`)
	lambdatest.ErrorType(t, fault.Transient, err)
}

func TestMissingConfigurationNamesTheVariable(t *testing.T) {
	mediatest.Tools(t)
	lambdatest.Configuration(t, Build, `{"sessionId":"s1","key":"s1/a.jpg"}`, "MEDIA_BUCKET_NAME")
}

func TestInvocationsLeaveNothing(t *testing.T) {
	mediatest.Tools(t)
	s3 := awstest.StartS3(t)
	s3.Put(t, "s1/originals/photo.jpg", mediatest.JPEG(t, mediatest.Quarters(64, 64)))
	s3.Put(t, "s1/originals/text.jpg", []byte("no picture"))
	keys := []string{"photo.jpg", "text.jpg", "none.jpg"}
	function := lambdaboot.New(Build)
	failed := 0
	leaktest.Invocations(t, 200, func(i int) {
		if _, err := invoke[Result](t, function, `{"sessionId":"s1","key":"s1/originals/`+keys[i%3]+`"}`); err != nil {
			failed++
		}
	})
	assert.Equal(t, 133, failed, "of 200 calls, those with the text and the missing object")
}
