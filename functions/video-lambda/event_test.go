package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/processor"
)

func TestReadEvent(t *testing.T) {
	var got Request
	err := processor.Read([]byte(`{"sessionId":"s1","jobId":"j1","key":"s1/originals/a.mp4","itemIndex":3,"preset":"reel"}`), &got)
	require.NoError(t, err)
	assert.Equal(t, Request{SessionID: "s1", JobID: "j1", Key: "s1/originals/a.mp4", ItemIndex: 3, Preset: "reel"}, got)

	for name, test := range map[string]struct{ payload, says string }{
		"not JSON":        {`[]`, "event:"},
		"nothing":         {`{}`, "sessionId"},
		"another session": {`{"sessionId":"s1","jobId":"j","key":"s2/a.mp4"}`, "outside"},
		"no job":          {`{"sessionId":"s1","key":"s1/a.mp4"}`, "jobId"},
		"index too large": {`{"sessionId":"s1","jobId":"j","key":"s1/a.mp4","itemIndex":1000}`, "itemIndex"},
		"unknown preset":  {`{"sessionId":"s1","jobId":"j","key":"s1/a.mp4","preset":"cinema"}`, "preset"},
	} {
		t.Run(name, func(t *testing.T) {
			err := processor.Read([]byte(test.payload), new(Request))
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
			assert.ErrorContains(t, err, test.says)
		})
	}
}

func FuzzReadEvent(f *testing.F) {
	f.Add([]byte(`{"sessionId":"s1","jobId":"j1","key":"s1/originals/a.mp4","itemIndex":3,"preset":"reel"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var request Request
		err := processor.Read(payload, &request)
		if err != nil {
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
			return
		}
		require.NoError(t, mediakey.Check(request.SessionID, request.Key))
		require.NoError(t, mediakey.CheckJob(request.JobID, request.ItemIndex))
	})
}
