package main

import (
	"encoding/json"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
)

// Request asks for one clip.
type Request struct {
	SessionID string `json:"sessionId"`
	JobID     string `json:"jobId"`
	// Key of the video, within the session.
	Key string `json:"key"`
	// ItemIndex is the position of the clip in the job, from 0.
	ItemIndex int `json:"itemIndex"`
	// Preset is reel, square or landscape; when empty, the one nearest to the video's shape.
	Preset string `json:"preset,omitempty"`
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
	if request.Preset != "" {
		if _, err := FindPreset(request.Preset); err != nil {
			return Request{}, fault.New(fault.InvalidInput, "event: %w", err)
		}
	}
	return request, nil
}
