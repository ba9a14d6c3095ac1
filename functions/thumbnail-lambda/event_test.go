package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
)

func notification(event, key string) string {
	return fmt.Sprintf(`{"Records":[{"eventName":%q,"s3":{"bucket":{"name":"b"},"object":{"key":%q}}}]}`, event, key)
}

func TestParseEvent(t *testing.T) {
	for name, test := range map[string]struct {
		payload string
		want    Batch
	}{
		"request": {`{"sessionId":"s1","key":"s1/originals/a.jpg"}`,
			Batch{Requests: []Request{{SessionID: "s1", Key: "s1/originals/a.jpg"}}}},
		"request with bucket": {`{"sessionId":"s1","key":"s1/a.jpg","bucket":"b"}`,
			Batch{Requests: []Request{{SessionID: "s1", Key: "s1/a.jpg", Bucket: "b"}}}},
		"notification, key encoded as S3 does": {notification("ObjectCreated:Put", "s1/originals/my+photo%281%29.jpg"),
			Batch{Notification: true, Requests: []Request{{SessionID: "s1", Key: "s1/originals/my photo(1).jpg", Bucket: "b"}}}},
		"notification of a thumbnail":     {notification("ObjectCreated:Put", "s1/thumbnails/a.jpg"), Batch{Notification: true}},
		"notification of an enhanced one": {notification("ObjectCreated:Put", "s1/enhanced/a.jpg"), Batch{Notification: true}},
		"notification of a removal":       {notification("ObjectRemoved:Delete", "s1/originals/a.jpg"), Batch{Notification: true}},
		"notification without records":    {`{"Records":[]}`, Batch{Notification: true}},
		"S3's test message":               {`{"Service":"Amazon S3","Event":"s3:TestEvent","Bucket":"b"}`, Batch{Notification: true}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ParseEvent([]byte(test.payload))
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

func TestParseEventRejects(t *testing.T) {
	for name, test := range map[string]struct{ payload, says string }{
		"not JSON":                        {`{`, "event:"},
		"nothing":                         {`{}`, "sessionId"},
		"no key":                          {`{"sessionId":"s1"}`, "key"},
		"key of another session":          {`{"sessionId":"s1","key":"s2/a.jpg"}`, "outside session s1"},
		"key with .. in it":               {`{"sessionId":"s1","key":"s1/../s2/a.jpg"}`, "\"..\" part"},
		"session with a slash":            {`{"sessionId":"a/b","key":"a/b/c.jpg"}`, "sessionId"},
		"key of the wrong type":           {`{"sessionId":"s1","key":7}`, "event:"},
		"notification, key at top":        {notification("ObjectCreated:Put", "a.jpg"), "sessionId"},
		"notification, key with .. in it": {notification("ObjectCreated:Put", "s1/%2e%2e/s2/a.jpg"), "\"..\" part"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseEvent([]byte(test.payload))
			require.Error(t, err)
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
			assert.Contains(t, err.Error(), test.says)
		})
	}
}

func FuzzParseEvent(f *testing.F) {
	f.Add([]byte(`{"sessionId":"s1","key":"s1/originals/a.jpg","bucket":"b"}`))
	f.Add([]byte(notification("ObjectCreated:Put", "s1/originals/a%20b.jpg")))
	f.Fuzz(func(t *testing.T, payload []byte) {
		batch, err := ParseEvent(payload)
		if err != nil {
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
			return
		}
		for _, request := range batch.Requests {
			require.NoError(t, mediakey.Check(request.SessionID, request.Key))
			assert.True(t, strings.HasPrefix(mediakey.Thumbnail(request.SessionID, request.Key), request.SessionID+"/"))
		}
	})
}
