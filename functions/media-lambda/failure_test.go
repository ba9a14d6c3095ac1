package main

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/lambdaboot"
)

// TestAFailedProcessorEndsItsItem sends what Lambda sends to an on-failure destination.
func TestAFailedProcessorEndsItsItem(t *testing.T) {
	s := startSystem(t)
	path, id, token := s.newSession(t)
	function := lambdaboot.New(Build)
	const crashed = `"responsePayload":{"errorType":"Runtime.ExitError","errorMessage":"RequestId: 1f2e Error: Runtime exited with error: signal: killed"}`
	for name, test := range map[string]struct{ condition, response, errorType, message string }{
		"a missing key":      {"RetriesExhausted", `"responsePayload":{"errorType":"ConfigurationError","errorMessage":"environment variable X is not set"}`, "ConfigurationError", "environment variable X is not set"},
		"killed for memory":  {"RetriesExhausted", crashed, "InternalError", "the processor ended before it answered, for instance for lack of memory"},
		"timed out":          {"RetriesExhausted", `"responsePayload":{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: 1f2e Error: Task timed out after 3.00 seconds"}`, "DeadlineExceededError", "the processor took longer than its time limit"},
		"timed out, as once": {"RetriesExhausted", `"responsePayload":{"errorMessage":"2026-05-01T12:00:00.000Z 1f2e Task timed out after 3.00 seconds"}`, "DeadlineExceededError", "the processor took longer than its time limit"},
		"too old":            {"EventAgeExceeded", `"responsePayload":null`, "DeadlineExceededError", "no processor was free in time; try again later"},
	} {
		t.Run(name, func(t *testing.T) {
			made := s.call(t, "POST", path+"/jobs", token, map[string]any{"kind": "enhancement", "keys": []string{id + "/originals/a.jpg"}})
			job := made.body["jobId"].(string)
			record := fmt.Sprintf(`{"version":"1.0","timestamp":"2026-05-01T12:00:00.000Z",
				"requestContext":{"requestId":"1f2e","functionArn":"arn:aws:lambda:us-east-1:1:function:enhance:$LATEST","condition":%q,"approximateInvokeCount":3},
				"requestPayload":%s,"responseContext":{"statusCode":200,"functionError":"Unhandled"},%s}`, test.condition, s.lambda.Take(t)[0].Payload, test.response)
			_, err := function.Invoke(t.Context(), json.RawMessage(record))
			require.NoError(t, err)
			read := s.call(t, "GET", path+"/jobs/"+job, token, nil)
			assert.Equal(t, "failed", read.body["status"])
			item := read.body["items"].([]any)[0].(map[string]any)
			assert.Equal(t, test.errorType, item["errorType"])
			assert.Equal(t, test.message, item["errorMessage"])
		})
	}
	for name, test := range map[string]struct{ payload, says string }{
		"no such job":     {`{"sessionId":"` + id + `","jobId":"none","itemIndex":0}`, ""},
		"no job":          {`{"sessionId":"` + id + `","key":"` + id + `/originals/a.jpg"}`, ""},
		"another's event": {`{"Records":[]}`, ""},
		"a wrong session": {`{"sessionId":"..","jobId":"none"}`, "sessionId"},
		"a wrong item":    {`{"sessionId":"` + id + `","jobId":"none","itemIndex":-1}`, "itemIndex"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := function.Invoke(t.Context(), json.RawMessage(`{"requestContext":{"condition":"RetriesExhausted"},"requestPayload":`+test.payload+`,`+crashed+`}`))
			if test.says == "" {
				require.NoError(t, err, "it is only logged; an error would be retried")
				return
			}
			assert.ErrorContains(t, err, test.says)
		})
	}
}
