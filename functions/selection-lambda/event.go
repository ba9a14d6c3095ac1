package main

import (
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
)

const (
	// mediaLimit is how many photos and clips one job may have.
	mediaLimit = 500
	// contextLimit is how many bytes a trip's description may have.
	contextLimit = 4 << 10
)

// Request asks for the best of some photos and clips.
type Request struct {
	SessionID string `json:"sessionId"`
	JobID     string `json:"jobId"`
	// TripContext describes the trip in the user's words.
	TripContext string `json:"tripContext"`
	// MediaKeys are the originals, ThumbnailKeys their thumbnails in the same order.
	MediaKeys     []string `json:"mediaKeys"`
	ThumbnailKeys []string `json:"thumbnailKeys"`
	// Model is GEMINI_MODEL when empty.
	Model string `json:"model,omitempty"`
	// Bucket is MEDIA_BUCKET_NAME when empty.
	Bucket string `json:"bucket,omitempty"`
}

// Item implements processor.Request.
func (r *Request) Item() (session, job string, index int) { return r.SessionID, r.JobID, 0 }

// String implements processor.Request.
func (r *Request) String() string { return "selection " + r.JobID }

// Check implements processor.Request.
func (r *Request) Check() error {
	if err := mediakey.CheckSession(r.SessionID); err != nil {
		return err
	}
	if err := mediakey.CheckJob(r.JobID, 0); err != nil {
		return err
	}
	switch {
	case len(r.MediaKeys) == 0 || len(r.MediaKeys) > mediaLimit:
		return fault.New(fault.InvalidInput, "mediaKeys: got %d keys; want 1 to %d", len(r.MediaKeys), mediaLimit)
	case len(r.ThumbnailKeys) != len(r.MediaKeys):
		return fault.New(fault.InvalidInput, "thumbnailKeys: got %d keys; want %d, one for each of mediaKeys", len(r.ThumbnailKeys), len(r.MediaKeys))
	case len(r.TripContext) > contextLimit:
		return fault.New(fault.InvalidInput, "tripContext has %d bytes; the limit is %d", len(r.TripContext), contextLimit)
	}
	seen := map[string]bool{}
	for i, key := range r.MediaKeys {
		if err := mediakey.Check(r.SessionID, key); err != nil {
			return fault.New(fault.InvalidInput, "mediaKeys[%d]: %w", i, err)
		}
		if err := mediakey.Check(r.SessionID, r.ThumbnailKeys[i]); err != nil {
			return fault.New(fault.InvalidInput, "thumbnailKeys[%d]: %w", i, err)
		}
		if seen[key] {
			return fault.New(fault.InvalidInput, "mediaKeys[%d]: %q is in the list twice", i, key)
		}
		seen[key] = true
	}
	return nil
}
