package endpoint

import (
	"encoding/json"
	"time"

	"lambdas.internal/ci/tool/run/invoke"
)

// region is that of the functions on this machine.
const region = "us-east-1"

// failure is the record that Lambda sends to an on-failure destination.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
type failure struct {
	Version        string          `json:"version"`
	Timestamp      time.Time       `json:"timestamp"`
	RequestContext failureContext  `json:"requestContext"`
	RequestPayload json.RawMessage `json:"requestPayload"`
	// ResponsePayload is the error that the function reported, or that Lambda reports of it.
	ResponsePayload *invoke.FunctionError `json:"responsePayload"`
}

type failureContext struct {
	FunctionArn            string `json:"functionArn"`
	Condition              string `json:"condition"`
	ApproximateInvokeCount int    `json:"approximateInvokeCount"`
}

// newFailure returns the record of an event that the function could not answer.
func newFailure(function string, event []byte, reported *invoke.FunctionError) failure {
	return failure{
		Version: "1.0", Timestamp: time.Now().UTC(), RequestPayload: event, ResponsePayload: reported,
		RequestContext: failureContext{
			FunctionArn: "arn:aws:lambda:" + region + ":000000000000:function:" + function, Condition: "RetriesExhausted", ApproximateInvokeCount: 1,
		},
	}
}
