package main

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"

	"golang.org/x/sync/errgroup"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/mediakey"
)

// startsAtOnce is how many invocations of processors are started in parallel.
const startsAtOnce = 8

func startJob(b *backend, r *http.Request) (int, any, error) {
	session := sessionOf(r).ID
	var request jobRequest
	if err := decode(r, &request); err != nil {
		return 0, nil, err
	}
	job := jobs.NewJob(rand.Text(), request.Kind, request.Keys)
	events, err := request.events(session, job.ID)
	if err != nil {
		return 0, nil, err
	}
	if err := b.jobs.Create(r.Context(), session, job); err != nil {
		return 0, nil, err
	}
	var group errgroup.Group
	group.SetLimit(startsAtOnce)
	for i, event := range events {
		group.Go(func() error { return b.startItem(r.Context(), session, job, i, event) })
	}
	if err := group.Wait(); err != nil {
		return 0, nil, err
	}
	report, err := b.jobs.Read(r.Context(), session, job.ID)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusAccepted, report, nil
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
