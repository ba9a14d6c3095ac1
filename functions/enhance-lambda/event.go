package main

import (
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

// Item implements processor.Request.
func (r *Request) Item() (session, job string, index int) { return r.SessionID, r.JobID, r.ItemIndex }

// String implements processor.Request.
func (r *Request) String() string { return "enhance " + r.Key }

// Check implements processor.Request.
func (r *Request) Check() error {
	if err := mediakey.CheckItem(r.SessionID, r.Key, r.JobID, r.ItemIndex); err != nil {
		return err
	}
	if strings.TrimSpace(r.Instruction) == "" {
		return fault.New(fault.InvalidInput, "instruction is empty")
	}
	if len(r.Instruction) > instructionLimit {
		return fault.New(fault.InvalidInput, "instruction has %d bytes; the limit is %d", len(r.Instruction), instructionLimit)
	}
	return nil
}
