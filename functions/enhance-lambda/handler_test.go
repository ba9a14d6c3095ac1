package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"image/png"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/geminitest"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/lambdatest"
	"lambdas.internal/shared/leaktest"
	"lambdas.internal/shared/mediatest"
)

// edited returns the picture that the Gemini test server answers with.
func edited(t *testing.T, width, height int) []byte {
	t.Helper()
	var buf bytes.Buffer
	require.NoError(t, png.Encode(&buf, mediatest.Quarters(width, height)))
	return buf.Bytes()
}

func invoke(t *testing.T, function *lambdaboot.Function, key string, item int) (any, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	return function.Invoke(ctx, json.RawMessage(fmt.Sprintf(`{"sessionId":"s1","jobId":"j1","key":%q,"itemIndex":%d,"instruction":"brighten it"}`, key, item)))
}

func TestHandle(t *testing.T) {
	s3, store := awstest.StartS3(t), jobs.New(awstest.StartDynamoDB(t))
	photo := mediatest.JPEG(t, mediatest.Quarters(64, 48))
	s3.Put(t, "s1/originals/photo.jpg", photo)
	s3.Put(t, "s1/originals/text.jpg", []byte("This is no picture."))
	s3.Put(t, "s1/originals/empty.jpg", nil)
	s3.Put(t, "s1/originals/huge.jpg", make([]byte, inputLimit+1))
	require.NoError(t, store.Create(t.Context(), "s1", jobs.NewJob("j1", jobs.Enhancement, make([]string, 20))))
	item := func(index int) jobs.Item {
		report, err := store.Read(t.Context(), "s1", "j1")
		require.NoError(t, err)
		return report.Items[index]
	}

	t.Run("photo", func(t *testing.T) {
		server := geminitest.Start(t, geminitest.Image(edited(t, 1200, 900), "image/png", "Brighter now."))
		got, err := invoke(t, lambdaboot.New(Build), "s1/originals/photo.jpg", 0)
		require.NoError(t, err)
		assert.Equal(t, Result{
			EnhancedKey: "s1/enhanced/photo.png", ThumbnailKey: "s1/thumbnails/photo-enhanced.jpg", OriginalKey: "s1/originals/photo.jpg",
			Width: 1200, Height: 900, Remark: "Brighter now.",
		}, got)
		data, contentType := s3.Get(t, "s1/enhanced/photo.png")
		assert.Equal(t, "image/png", contentType)
		assert.Equal(t, edited(t, 1200, 900), data)
		thumbnail, contentType := s3.Get(t, "s1/thumbnails/photo-enhanced.jpg")
		assert.Equal(t, "image/jpeg", contentType)
		img, err := jpeg.Decode(bytes.NewReader(thumbnail))
		require.NoError(t, err)
		assert.Equal(t, 400, img.Bounds().Dx())
		assert.Equal(t, 300, img.Bounds().Dy())
		mediatest.AssertUpright(t, img)
		assert.Equal(t, jobs.Succeeded, item(0).Status)
		assert.Contains(t, string(item(0).Result), "s1/enhanced/photo.png")
		parts := server.Requests()[0].Contents[0].Parts
		require.Len(t, parts, 2)
		assert.Equal(t, photo, parts[0].InlineData.Data)
		assert.Equal(t, "brighten it", parts[1].Text, "only the caller's words")
	})
	ok := geminitest.Image(edited(t, 40, 30), "image/png", "")
	for index, test := range []struct {
		name, key string
		answer    geminitest.Answer
		kind      fault.Kind
		calls     int
	}{
		{"text named .jpg", "s1/originals/text.jpg", ok, fault.InvalidInput, 0},
		{"empty object", "s1/originals/empty.jpg", ok, fault.InvalidInput, 0},
		{"object too large for the model", "s1/originals/huge.jpg", ok, fault.InvalidInput, 0},
		{"no such object", "s1/originals/none.jpg", ok, fault.NotFound, 0},
		{"safety block", "s1/originals/photo.jpg", geminitest.Blocked("SAFETY"), fault.SafetyBlocked, 1},
		{"picture that cannot be read", "s1/originals/photo.jpg", geminitest.Image([]byte("no PNG"), "image/png", ""), fault.Transient, 1},
		{"cut off", "s1/originals/photo.jpg", geminitest.Truncated(), fault.Transient, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := geminitest.Start(t, test.answer)
			_, err := invoke(t, lambdaboot.New(Build), test.key, index+1)
			lambdatest.ErrorType(t, test.kind, err)
			assert.Len(t, server.Requests(), test.calls)
			assert.Equal(t, jobs.Failed, item(index+1).Status)
			assert.Equal(t, string(test.kind), item(index+1).ErrorType)
		})
	}
	t.Run("HEIC of a telephone is sent as it is", func(t *testing.T) {
		heic := append([]byte("\x00\x00\x00\x18ftypheic\x00\x00\x00\x00mif1heic"), make([]byte, 100)...)
		s3.Put(t, "s1/originals/photo.heic", heic)
		server := geminitest.Start(t, ok)
		_, err := invoke(t, lambdaboot.New(Build), "s1/originals/photo.heic", 12)
		require.NoError(t, err)
		sent := server.Requests()[0].Contents[0].Parts[0].InlineData
		assert.Equal(t, "image/heic", sent.MIMEType)
		assert.Equal(t, heic, sent.Data)
	})
	t.Run("retry after 429", func(t *testing.T) {
		server := geminitest.Start(t, geminitest.Status(429, "RESOURCE_EXHAUSTED"), ok)
		_, err := invoke(t, lambdaboot.New(Build), "s1/originals/photo.jpg", 10)
		require.NoError(t, err)
		assert.Len(t, server.Requests(), 2)
	})
	t.Run("slow answer is recorded before the time is up", func(t *testing.T) {
		geminitest.Start(t, geminitest.Slow(time.Minute, ok))
		ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		defer cancel()
		_, err := lambdaboot.New(Build).Invoke(ctx, json.RawMessage(`{"sessionId":"s1","jobId":"j1","key":"s1/originals/photo.jpg","itemIndex":11,"instruction":"x"}`))
		lambdatest.ErrorType(t, fault.DeadlineExceeded, err)
		require.NoError(t, ctx.Err(), "time was left to report")
		assert.Equal(t, "DeadlineExceededError", item(11).ErrorType)
	})
	t.Run("second delivery makes no second call", func(t *testing.T) {
		server := geminitest.Start(t, ok)
		_, err := invoke(t, lambdaboot.New(Build), "s1/originals/photo.jpg", 0)
		require.NoError(t, err)
		assert.Empty(t, server.Requests())
	})
}

func TestMissingConfigurationNamesTheVariable(t *testing.T) {
	t.Setenv("SSM_API_KEY_PARAM", "")
	lambdatest.Configuration(t, Build, `{"sessionId":"s1","jobId":"j1","key":"s1/a.jpg","instruction":"x"}`, "MEDIA_BUCKET_NAME", "GEMINI_API_KEY")
}

func TestInvocationsLeaveNothing(t *testing.T) {
	s3 := awstest.StartS3(t)
	awstest.StartDynamoDB(t)
	s3.Put(t, "s1/originals/photo.jpg", mediatest.JPEG(t, mediatest.Quarters(16, 16)))
	geminitest.Start(t, geminitest.Image(edited(t, 32, 32), "image/png", ""))
	keys := []string{"photo.jpg", "none.jpg"}
	function := lambdaboot.New(Build)
	failed := 0
	leaktest.Invocations(t, 200, func(i int) {
		if _, err := invoke(t, function, "s1/originals/"+keys[i%2], i); err != nil {
			failed++
		}
	})
	assert.Equal(t, 100, failed)
}
