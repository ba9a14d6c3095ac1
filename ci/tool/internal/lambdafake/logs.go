package lambdafake

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// logsTarget begins the targets of the calls to CloudWatch Logs.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html
const logsTarget = "Logs_20140328."

// logsPage is how many events one answer has; that of AWS has up to 10,000.
const logsPage = 2

// LogEvent is one event of a log.
type LogEvent struct {
	Group, Stream, Message string
	At                     time.Time
}

// Log adds an event to the log of a function, as one of its version writes it.
func (f *Fake) Log(function, version, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := time.Now()
	f.logs = append(f.logs, LogEvent{"/aws/lambda/" + function, now.UTC().Format("2006/01/02") + "/[" + version + "]0123456789abcdef", message, now})
}

// serveLogs answers a call to CloudWatch Logs.
func (f *Fake) serveLogs(w http.ResponseWriter, r *http.Request, operation string) {
	var in struct {
		LogGroupName, NextToken string
		StartTime               int64
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		panic(fmt.Errorf("%s: %w", operation, err))
	}
	reply := f.note(Call{Operation: operation, Function: in.LogGroupName})
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	answer := func(status int, v any) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v) //nolint:errcheck // it fails only if the client has gone
	}
	failed := func(status int, code, message string) {
		answer(status, map[string]string{"__type": code, "message": message})
	}
	if reply.Code != "" {
		failed(reply.Status, reply.Code, reply.Message)
		return
	}
	if operation != "FilterLogEvents" {
		panic("no stand-in for " + operation)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	exists := false
	events := []map[string]any{}
	for n, e := range f.logs {
		if e.Group != in.LogGroupName {
			continue
		}
		if exists = true; e.At.UnixMilli() >= in.StartTime {
			events = append(events, map[string]any{
				"eventId": strconv.Itoa(n), "logStreamName": e.Stream, "message": e.Message + "\n", "timestamp": e.At.UnixMilli(), "ingestionTime": e.At.UnixMilli(),
			})
		}
	}
	if !exists {
		failed(http.StatusBadRequest, "ResourceNotFoundException", "The specified log group does not exist.")
		return
	}
	start, _ := strconv.Atoi(in.NextToken)
	end := min(start+logsPage, len(events))
	out := map[string]any{"events": events[min(start, end):end]}
	if end < len(events) {
		out["nextToken"] = strconv.Itoa(end)
	}
	answer(http.StatusOK, out)
}
