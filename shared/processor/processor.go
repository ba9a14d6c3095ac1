// Package processor is what the functions that work on the items of a job have in common.
package processor

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/logging"
	"lambdas.internal/shared/settings"
	"lambdas.internal/shared/storage"
	"lambdas.internal/shared/table"
)

// Backend is where media and jobs are.
type Backend struct {
	// Bucket is the one of a request that names none.
	Bucket  string
	Objects *storage.Store
	Jobs    *jobs.Store
}

// New returns the backend that the environment names: MEDIA_BUCKET_NAME,
// DYNAMO_TABLE_NAME, and the AWS variables.
func New() (b Backend, err error) {
	if b.Bucket, err = settings.Required(settings.MediaBucket); err != nil {
		return b, err
	}
	if b.Objects, err = storage.New(); err != nil {
		return b, err
	}
	records, err := table.New()
	if err != nil {
		return b, err
	}
	b.Jobs = jobs.New(records)
	return b, nil
}

// Checker is an event that says what is wrong with it.
type Checker interface{ Check() error }

// Read decodes an event into a request and checks it. Every error is a fault.InvalidInput.
func Read(payload []byte, request Checker) error {
	if err := json.Unmarshal(payload, request); err != nil {
		return fault.New(fault.InvalidInput, "event: it is not the JSON of this function: %w", err)
	}
	if err := request.Check(); err != nil {
		return fault.New(fault.InvalidInput, "event: %w", err)
	}
	return nil
}

// Request asks for one item of a job.
type Request interface {
	Checker
	// Item is the item's session, job and position.
	Item() (session, job string, index int)
	// String says what is asked for.
	String() string
}

// Progress records the part of an item that is done, from 0 to 1.
type Progress = func(ctx context.Context, part float64)

// Answer reads an event into a request, does the work and records the result in the job.
func Answer[R any](ctx context.Context, s *jobs.Store, payload []byte, request Request, work func(context.Context, Progress) (R, error)) (any, error) {
	if err := Read(payload, request); err != nil {
		return nil, err
	}
	session, job, index := request.Item()
	ctx = logging.With(ctx, logging.Session(session), slog.String("jobId", job))
	item := s.Track(session, job, index)
	result, err := jobs.Run(ctx, item, func(ctx context.Context) (R, error) { return work(ctx, item.Progress) })
	if err != nil {
		return nil, fmt.Errorf("%s: %w", request.String(), err)
	}
	return result, nil
}
