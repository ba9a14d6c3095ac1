package main

import (
	"encoding/json"
	"strings"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
)

// instructionLimit in bytes is far above any real instruction and far below the 256 KB
// of an asynchronous event.
const instructionLimit = 16 << 10

// Request asks for one edited photo.
type Request struct {
	SessionID string `json:"sessionId"`
	JobID     string `json:"jobId"`
	// Key of the photo, within the session.
	Key string `json:"key"`
	// ItemIndex is the position of the photo in the job, from 0.
	ItemIndex int `json:"itemIndex"`
	// Instruction is the prompt. The model gets it unchanged.
	Instruction string `json:"instruction"`
	// Bucket is MEDIA_BUCKET_NAME when empty.
	Bucket string `json:"bucket,omitempty"`
}

// ParseEvent reads a Request. Every error in it is a fault.InvalidInput.
func ParseEvent(payload []byte) (Request, error) {
	var request Request
	if err := json.Unmarshal(payload, &request); err != nil {
		return Request{}, fault.New(fault.InvalidInput, "event: %w", err)
	}
	if err := mediakey.Check(request.SessionID, request.Key); err != nil {
		return Request{}, fault.New(fault.InvalidInput, "event: %w", err)
	}
	if err := mediakey.CheckJob(request.JobID, request.ItemIndex); err != nil {
		return Request{}, fault.New(fault.InvalidInput, "event: %w", err)
	}
	if strings.TrimSpace(request.Instruction) == "" {
		return Request{}, fault.New(fault.InvalidInput, "event: instruction is empty")
	}
	if len(request.Instruction) > instructionLimit {
		return Request{}, fault.New(fault.InvalidInput, "event: instruction has %d bytes; the limit is %d", len(request.Instruction), instructionLimit)
	}
	return request, nil
}
