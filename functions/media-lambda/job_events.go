package main

import (
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/mediakey"
	"lambdas.internal/shared/preset"
	"lambdas.internal/shared/proprietary/prompts"
)

// Limits of one job: the number of items, the number of keys of a selection, and the
// bytes of its trip's description.
const (
	itemLimit      = 100
	selectionLimit = 500
	tripLimit      = 4 << 10
)

// jobRequest is the body of POST /sessions/{session}/jobs.
type jobRequest struct {
	Kind jobs.Kind `json:"kind"`
	// Keys of the originals to work on, at most 100, or 500 for a selection.
	Keys []string `json:"keys" jsonschema:"minItems=1,maxItems=500,uniqueItems=true"`
	// Look and Wish determine the prompt of an enhancement.
	Look string `json:"look,omitempty"`
	Wish string `json:"wish,omitempty" jsonschema:"maxLength=500"`
	// Preset of a video. Without one, the nearest in shape is used.
	Preset string `json:"preset,omitempty" jsonschema:"enum=reel,enum=square,enum=landscape"`
	// TripContext describes the trip of a selection in the user's words.
	TripContext string `json:"tripContext,omitempty" jsonschema:"maxLength=4096"`
	// Model of a selection.
	Model string `json:"model,omitempty"`
}

// The events that the processors accept.
type (
	itemEvent struct {
		SessionID string `json:"sessionId"`
		JobID     string `json:"jobId"`
		Key       string `json:"key"`
		ItemIndex int    `json:"itemIndex"`
	}
	enhanceEvent struct {
		itemEvent
		Instruction string `json:"instruction"`
	}
	videoEvent struct {
		itemEvent
		Preset string `json:"preset,omitempty"`
	}
	selectionEvent struct {
		SessionID     string   `json:"sessionId"`
		JobID         string   `json:"jobId"`
		TripContext   string   `json:"tripContext"`
		MediaKeys     []string `json:"mediaKeys"`
		ThumbnailKeys []string `json:"thumbnailKeys"`
		Model         string   `json:"model,omitempty"`
	}
)

// events returns the event of each item. The request must have passed check.
func (q jobRequest) events(session, job string) ([]any, error) {
	if q.Kind == jobs.Selection {
		event := selectionEvent{SessionID: session, JobID: job, TripContext: q.TripContext, MediaKeys: q.Keys, Model: q.Model}
		for _, key := range q.Keys {
			event.ThumbnailKeys = append(event.ThumbnailKeys, mediakey.Thumbnail(session, key))
		}
		return []any{event}, nil
	}
	var instruction string
	if q.Kind == jobs.Enhancement {
		var err error
		if instruction, err = prompts.Enhancement(q.Look, q.Wish); err != nil {
			return nil, err
		}
	}
	events := make([]any, len(q.Keys))
	for i, key := range q.Keys {
		item := itemEvent{SessionID: session, JobID: job, Key: key, ItemIndex: i}
		switch q.Kind {
		case jobs.Enhancement:
			events[i] = enhanceEvent{itemEvent: item, Instruction: instruction}
		case jobs.Video:
			events[i] = videoEvent{itemEvent: item, Preset: q.Preset}
		default:
			events[i] = item
		}
	}
	return events, nil
}

func (q jobRequest) check(session string) error {
	limit := itemLimit
	switch q.Kind {
	case jobs.Thumbnail, jobs.Enhancement, jobs.Video:
	case jobs.Selection:
		limit = selectionLimit
	default:
		return fault.New(fault.InvalidInput, "kind %q: want thumbnail, selection, enhancement or video", q.Kind)
	}
	if len(q.Keys) == 0 || len(q.Keys) > limit {
		return fault.New(fault.InvalidInput, "keys: got %d; want 1 to %d", len(q.Keys), limit)
	}
	if len(q.TripContext) > tripLimit {
		return fault.New(fault.InvalidInput, "tripContext has %d bytes; the limit is %d", len(q.TripContext), tripLimit)
	}
	if q.Kind == jobs.Enhancement {
		if _, err := prompts.Enhancement(q.Look, q.Wish); err != nil {
			return err
		}
	}
	if q.Preset != "" {
		if _, err := preset.Find(q.Preset); err != nil {
			return err
		}
	}
	seen := map[string]bool{}
	for i, key := range q.Keys {
		if err := mediakey.Check(session, key); err != nil {
			return fault.New(fault.InvalidInput, "keys[%d]: %w", i, err)
		}
		if seen[key] {
			return fault.New(fault.InvalidInput, "keys[%d]: %q is in the list twice", i, key)
		}
		seen[key] = true
	}
	return nil
}
