package main

import (
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/preset"
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

// Item implements processor.Request.
func (r *Request) Item() (session, job string, index int) { return r.SessionID, r.JobID, r.ItemIndex }

// String implements processor.Request.
func (r *Request) String() string { return "video of " + r.Key }

// Check implements processor.Request.
func (r *Request) Check() error {
	if r.Preset != "" {
		if _, err := preset.Find(r.Preset); err != nil {
			return err
		}
	}
	return mediakey.CheckItem(r.SessionID, r.Key, r.JobID, r.ItemIndex)
}
