package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/processor"
)

func TestReadEvent(t *testing.T) {
	var got Request
	err := processor.Read([]byte(`{"sessionId":"s1","jobId":"j1","key":"s1/originals/a.jpg","itemIndex":3,"instruction":"brighten","bucket":"b"}`), &got)
	require.NoError(t, err)
	assert.Equal(t, Request{SessionID: "s1", JobID: "j1", Key: "s1/originals/a.jpg", ItemIndex: 3, Instruction: "brighten", Bucket: "b"}, got)

	for name, test := range map[string]struct{ payload, says string }{
		"not JSON":             {`{`, "event:"},
		"nothing":              {`{}`, "sessionId"},
		"another session":      {`{"sessionId":"s1","jobId":"j","key":"s2/a.jpg","instruction":"x"}`, "outside"},
		"no job":               {`{"sessionId":"s1","key":"s1/a.jpg","instruction":"x"}`, "jobId"},
		"negative index":       {`{"sessionId":"s1","jobId":"j","key":"s1/a.jpg","itemIndex":-1,"instruction":"x"}`, "itemIndex"},
		"no instruction":       {`{"sessionId":"s1","jobId":"j","key":"s1/a.jpg"}`, "instruction"},
		"blank instruction":    {`{"sessionId":"s1","jobId":"j","key":"s1/a.jpg","instruction":" \n"}`, "instruction"},
		"instruction too long": {`{"sessionId":"s1","jobId":"j","key":"s1/a.jpg","instruction":"` + strings.Repeat("x", 16385) + `"}`, "16385"},
	} {
		t.Run(name, func(t *testing.T) {
			err := processor.Read([]byte(test.payload), new(Request))
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
			assert.ErrorContains(t, err, test.says)
		})
	}
}

func FuzzReadEvent(f *testing.F) {
	f.Add([]byte(`{"sessionId":"s1","jobId":"j1","key":"s1/originals/a.jpg","itemIndex":3,"instruction":"brighten","bucket":"b"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		var request Request
		err := processor.Read(payload, &request)
		if err != nil {
			assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
			return
		}
		require.NoError(t, mediakey.Check(request.SessionID, request.Key))
		require.NoError(t, mediakey.CheckJob(request.JobID, request.ItemIndex))
		assert.NotEmpty(t, strings.TrimSpace(request.Instruction))
	})
}
