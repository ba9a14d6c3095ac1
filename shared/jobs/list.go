package jobs

import (
	"context"
	"crypto/rand"
	"strconv"
	"time"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/table"
)

// NewID returns a new random id. Later ids come later in the order of strings.
func NewID() string {
	return strconv.FormatInt(time.Now().UnixMilli(), 36) + "-" + rand.Text()[:16]
}

// List returns the session's jobs before the one with the id in before, or the last ones if
// that is empty: at most limit, the last one first. More tells whether others follow.
func (s *Store) List(ctx context.Context, session, before string, limit int) (reports []Report, more bool, err error) {
	if before != "" {
		before = jobKey(before)
	}
	var found []Job
	if more, err = s.table.Page(ctx, session, jobKey(""), before, limit, &found); err != nil {
		return nil, false, err
	}
	reports = make([]Report, len(found))
	for i, job := range found {
		if reports[i], err = s.report(ctx, session, job); err != nil {
			return nil, false, err
		}
	}
	return reports, more, nil
}

// Start is what is known of a request to start a job, by a key that the caller chose.
type Start struct {
	Job string `dynamodbav:"jobId"`
	// Request is a checksum of the request.
	Request   string `dynamodbav:"request"`
	ExpiresAt int64  `dynamodbav:"expiresAt"`
}

// Once records that a request is to start a job with the given id. If there was a request
// with the same key, it returns the id of that one's job, and records nothing. If that
// request was another one, the error is a fault.Conflict.
func (s *Store) Once(ctx context.Context, session, key, id, request string) (string, error) {
	at := table.Key{Session: session, Sort: "START#" + key}
	err := s.table.Create(ctx, at, Start{Job: id, Request: request, ExpiresAt: expiry()})
	if fault.KindOf(err) != fault.Conflict {
		return id, err
	}
	var first Start
	if err := s.table.Read(ctx, at, &first); err != nil {
		return "", err
	}
	if first.Request != request {
		return "", fault.New(fault.Conflict, "Idempotency-Key %q was used for another request; use a new one", key)
	}
	return first.Job, nil
}
