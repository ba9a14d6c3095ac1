package main

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"sync"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/mediakey"
)

// startsAtOnce is how many invocations of processors are started in parallel.
const startsAtOnce = 8

// idempotencyHeader names a request, so that it can be repeated after a lost answer: the
// repetition gets the job of the first one, and starts none.
const idempotencyHeader = "Idempotency-Key"

// idempotencyPattern is compiled when it is first used: a pattern with a count takes long.
const idempotencyPattern = `^[!-~]{1,128}$`

var idempotencyKey = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(idempotencyPattern) })

func startJob(b *backend, r *http.Request) (int, any, error) {
	session := sessionOf(r).ID
	var request jobRequest
	if err := decode(r, &request); err != nil {
		return 0, nil, err
	}
	job := jobs.NewJob(jobs.NewID(), request.Kind, request.Keys)
	if err := request.check(session); err != nil {
		return 0, nil, err
	}
	if key := r.Header.Get(idempotencyHeader); key != "" {
		var err error
		if job.ID, err = b.once(r.Context(), session, key, job.ID, request); err != nil {
			return 0, nil, err
		}
	}
	events, err := request.events(session, job.ID)
	if err != nil {
		return 0, nil, err
	}
	switch err := b.jobs.Create(r.Context(), session, job); {
	case fault.KindOf(err) == fault.Conflict: // an earlier request with this key made the job
	case err != nil:
		return 0, nil, err
	default:
		if err := b.startItems(r.Context(), session, job, events); err != nil {
			return 0, nil, err
		}
	}
	report, err := b.jobs.Read(r.Context(), session, job.ID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, report, nil
}

// once returns the id of the job of the first request with this key, which is id if this is
// the first.
func (b *backend) once(ctx context.Context, session, key, id string, request jobRequest) (string, error) {
	if !idempotencyKey().MatchString(key) {
		return "", fault.New(fault.InvalidInput, "header %s: want 1 to 128 visible ASCII characters, for instance a UUID", idempotencyHeader)
	}
	data, err := json.Marshal(request)
	if err != nil {
		return "", fault.New(fault.Internal, "encode the request: %w", err)
	}
	return b.jobs.Once(ctx, session, key, id, fmt.Sprintf("%x", sha256.Sum256(data)))
}

func (b *backend) startItems(ctx context.Context, session string, job jobs.Job, events []any) error {
	var group errgroup.Group
	group.SetLimit(startsAtOnce)
	for i, event := range events {
		group.Go(func() error { return b.startItem(ctx, session, job, i, event) })
	}
	return group.Wait()
}

// startItem sends an item's event to its processor. If that is not possible, the job
// records that the item failed; the other items go on.
func (b *backend) startItem(ctx context.Context, session string, job jobs.Job, index int, event any) error {
	err := b.starter.Start(ctx, b.functions[job.Kind], event)
	if err == nil {
		return nil
	}
	slog.ErrorContext(ctx, "item not started", "jobId", job.ID, "itemIndex", index, "error", err.Error())
	return b.jobs.Track(session, job.ID, index).Fail(ctx, fault.New(fault.KindOf(err), "the function for %s jobs could not be started; the log of the API says why", job.Kind))
}

func readJob(b *backend, r *http.Request) (int, any, error) {
	id := r.PathValue("job")
	if err := mediakey.CheckJob(id, 0); err != nil {
		return 0, nil, err
	}
	report, err := b.jobs.Read(r.Context(), sessionOf(r).ID, id)
	if fault.KindOf(err) == fault.NotFound {
		return 0, nil, fault.New(fault.NotFound, "job %s: no such job in this session", id)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, report, nil
}

// How many jobs one page of a list has.
const (
	jobPage     = 20
	jobPageMost = 100
)

// jobList is one page of a session's jobs, the last one first.
type jobList struct {
	Jobs []jobs.Report `json:"jobs"`
	// Cursor of the next page; empty on the last one.
	Cursor string `json:"cursor,omitempty"`
}

func listJobs(b *backend, r *http.Request) (int, any, error) {
	cursor, limit, err := page(r, jobPage, jobPageMost)
	if err != nil {
		return 0, nil, err
	}
	if cursor != "" {
		if err := mediakey.CheckJob(cursor, 0); err != nil {
			return 0, nil, fault.New(fault.InvalidInput, "cursor %q: want the cursor of a list of jobs", cursor)
		}
	}
	reports, more, err := b.jobs.List(r.Context(), sessionOf(r).ID, cursor, limit)
	if err != nil {
		return 0, nil, err
	}
	list := jobList{Jobs: reports}
	if more && len(reports) > 0 {
		list.Cursor = reports[len(reports)-1].ID
	}
	return http.StatusOK, list, nil
}
