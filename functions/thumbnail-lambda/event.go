package main

import (
	"encoding/json"
	"strings"

	"github.com/aws/aws-lambda-go/events"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/mediakey"
)

// Request asks for one thumbnail.
type Request struct {
	SessionID string `json:"sessionId"`
	// Key of the photo or video, within the session.
	Key string `json:"key"`
	// Bucket is MEDIA_BUCKET_NAME when empty.
	Bucket string `json:"bucket,omitempty"`
	// JobID and ItemIndex say where the result is recorded. Without a JobID it is not.
	JobID     string `json:"jobId,omitempty"`
	ItemIndex int    `json:"itemIndex,omitempty"`
}

// Batch holds the requests of one event.
type Batch struct {
	Requests []Request
	// Notification is true when the event came from S3 and not from a caller.
	Notification bool
}

// ParseEvent reads a Request or an S3 event notification. Every error in it is a
// fault.InvalidInput. A notification counts only for new objects that none of the
// functions made, so that no thumbnail is made of a thumbnail.
func ParseEvent(payload []byte) (Batch, error) {
	var event struct {
		Request
		Records []events.S3EventRecord `json:"Records"`
		// Event is set in the test message that S3 sends when notifications are switched on.
		Event string `json:"Event"`
	}
	if err := json.Unmarshal(payload, &event); err != nil {
		return Batch{}, fault.New(fault.InvalidInput, "event: %w", err)
	}
	if event.Event == "s3:TestEvent" {
		return Batch{Notification: true}, nil
	}
	if event.Records == nil {
		if err := mediakey.Check(event.SessionID, event.Key); err != nil {
			return Batch{}, fault.New(fault.InvalidInput, "event: %w", err)
		}
		if event.JobID != "" {
			if err := mediakey.CheckJob(event.JobID, event.ItemIndex); err != nil {
				return Batch{}, fault.New(fault.InvalidInput, "event: %w", err)
			}
		}
		return Batch{Requests: []Request{event.Request}}, nil
	}
	batch := Batch{Notification: true}
	for _, record := range event.Records {
		if !strings.HasPrefix(record.EventName, "ObjectCreated:") {
			continue
		}
		key := record.S3.Object.URLDecodedKey
		session, err := mediakey.SessionOf(key)
		if err != nil {
			return Batch{}, fault.New(fault.InvalidInput, "event: S3 record: %w", err)
		}
		if folder := mediakey.Folder(key); folder == mediakey.Thumbnails || folder == mediakey.Enhanced {
			continue
		}
		batch.Requests = append(batch.Requests, Request{SessionID: session, Key: key, Bucket: record.S3.Bucket.Name})
	}
	return batch, nil
}
