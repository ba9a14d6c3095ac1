package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
)

// failure is what Lambda sends to the on-failure destination of a processor: the event that
// it could not deliver, or for which the processor failed to the last retry (Lambda
// developer guide, "Capturing records of Lambda asynchronous invocations").
type failure struct {
	RequestContext struct {
		FunctionArn string `json:"functionArn"`
		Condition   string `json:"condition"`
	} `json:"requestContext"`
	RequestPayload *itemEvent `json:"requestPayload"`
	// ResponsePayload is empty if the processor was not started.
	ResponsePayload struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	} `json:"responsePayload"`
}

// parseFailure returns the failure in an event; ok is false for every other event.
func parseFailure(payload []byte) (f failure, ok bool) {
	err := json.Unmarshal(payload, &f)
	return f, err == nil && f.RequestPayload != nil && f.RequestContext.Condition != "" && f.RequestContext.Condition != "Success"
}

// reason returns why the item failed, in words that a user may read.
func (f failure) reason() (fault.Kind, string) {
	said := f.ResponsePayload
	switch {
	case f.RequestContext.Condition == "EventAgeExceeded":
		return fault.DeadlineExceeded, "no processor was free in time; try again later"
	case fault.Known(said.Type): // of lambdaboot, whose message is for users
		return fault.Kind(said.Type), said.Message
	case said.Type == "Sandbox.Timedout", strings.Contains(said.Message, "Task timed out after"):
		return fault.DeadlineExceeded, "the processor took longer than its time limit"
	}
	return fault.Internal, "the processor ended before it answered, for instance for lack of memory"
}

// recordFailure ends the item whose processor failed, unless the processor has done so. A
// failure that is not of a job, for instance of a notification of S3, or of a job that has
// expired, is only logged.
func recordFailure(ctx context.Context, b *backend, f failure) error {
	item := *f.RequestPayload
	slog.WarnContext(ctx, "a processor failed", "processor", f.RequestContext.FunctionArn, "condition", f.RequestContext.Condition,
		"sessionId", item.SessionID, "jobId", item.JobID, "itemIndex", item.ItemIndex, "errorType", f.ResponsePayload.Type, "error", f.ResponsePayload.Message)
	if item.JobID == "" {
		return nil
	}
	if err := mediakey.CheckSession(item.SessionID); err != nil {
		return err
	}
	if err := mediakey.CheckJob(item.JobID, item.ItemIndex); err != nil {
		return err
	}
	kind, message := f.reason()
	report, err := b.jobs.Read(ctx, item.SessionID, item.JobID)
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	if err != nil {
		return err
	}
	if item.ItemIndex >= len(report.Items) {
		return fault.New(fault.InvalidInput, "itemIndex %d: job %s has %d items", item.ItemIndex, item.JobID, len(report.Items))
	}
	return b.jobs.Track(item.SessionID, item.JobID, item.ItemIndex).End(ctx, kind, message)
}
