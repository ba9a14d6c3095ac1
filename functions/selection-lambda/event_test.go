package main

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/processor"
)

const goodEvent = `{"sessionId":"s1","jobId":"j1","tripContext":"Rome","mediaKeys":["s1/originals/a.jpg"],"thumbnailKeys":["s1/thumbnails/a.jpg"],"model":"m","bucket":"b"}`

func TestReadEvent(t *testing.T) {
	var got Request
	err := processor.Read([]byte(goodEvent), &got)
	require.NoError(t, err)
	assert.Equal(t, Request{
		SessionID: "s1", JobID: "j1", TripContext: "Rome", MediaKeys: []string{"s1/originals/a.jpg"},
		ThumbnailKeys: []string{"s1/thumbnails/a.jpg"}, Model: "m", Bucket: "b",
	}, got)

	for name, test := range map[string]struct {
		change map[string]any
		says   string
	}{
		"no session":            {map[string]any{"sessionId": ""}, "sessionId"},
		"no job":                {map[string]any{"jobId": ""}, "jobId"},
		"no media":              {map[string]any{"mediaKeys": []string{}}, "mediaKeys"},
		"too many media":        {map[string]any{"mediaKeys": make([]string, 501)}, "501"},
		"fewer thumbnails":      {map[string]any{"thumbnailKeys": []string{}}, "thumbnailKeys"},
		"another session":       {map[string]any{"mediaKeys": []string{"s2/a.jpg"}}, "mediaKeys[0]"},
		"thumbnail key with ..": {map[string]any{"thumbnailKeys": []string{"s1/../s2/a.jpg"}}, "thumbnailKeys[0]"},
		"media twice":           {map[string]any{"mediaKeys": []string{"s1/a", "s1/a"}, "thumbnailKeys": []string{"s1/b", "s1/c"}}, "twice"},
		"trip too long":         {map[string]any{"tripContext": string(make([]byte, 4097))}, "tripContext"},
		"wrong type":            {map[string]any{"mediaKeys": "s1/a"}, "event:"},
	} {
		t.Run(name, func(t *testing.T) {
			event := map[string]any{}
			require.NoError(t, json.Unmarshal([]byte(goodEvent), &event))
			for field, value := range test.change {
				event[field] = value
			}
			payload, err := json.Marshal(event)
			require.NoError(t, err)
			err = processor.Read(payload, new(Request))
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
			assert.ErrorContains(t, err, test.says)
		})
	}
}

func FuzzReadEvent(f *testing.F) {
	f.Add([]byte(goodEvent))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var request Request
		err := processor.Read(payload, &request)
		if err != nil {
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
			return
		}
		require.Len(t, request.ThumbnailKeys, len(request.MediaKeys))
		for _, key := range append(request.MediaKeys, request.ThumbnailKeys...) {
			require.NoError(t, mediakey.Check(request.SessionID, key))
		}
	})
}
