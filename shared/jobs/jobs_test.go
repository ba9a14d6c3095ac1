package jobs_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/jobs"
)

type result struct {
	Key string `json:"key"`
}

func TestJobLife(t *testing.T) {
	store := jobs.New(awstest.StartDynamoDB(t))
	ctx := t.Context()
	job := jobs.NewJob("j1", jobs.Video, []string{"s/a", "s/b"})
	require.NoError(t, store.Create(ctx, "s", job))
	assert.Equal(t, fault.Conflict, fault.KindOf(store.Create(ctx, "s", job)), "the same id twice")

	read := func() jobs.Report {
		report, err := store.Read(ctx, "s", "j1")
		require.NoError(t, err)
		return report
	}
	assert.Equal(t, jobs.Report{Job: job, Status: jobs.Queued, Items: []jobs.Item{{Index: 0, Status: jobs.Queued}, {Index: 1, Status: jobs.Queued}}}, read())

	first := store.Track("s", "j1", 0)
	done, err := jobs.Run(ctx, first, func(ctx context.Context) (result, error) {
		first.Progress(ctx, 0.42)
		first.Progress(ctx, 0.99) // not written: too soon after the one before
		assert.Equal(t, jobs.Item{Index: 0, Status: jobs.Running, Progress: 42}, read().Items[0])
		assert.Equal(t, jobs.Running, read().Status)
		return result{"s/enhanced/a"}, nil
	})
	require.NoError(t, err)
	assert.Equal(t, result{"s/enhanced/a"}, done)
	assert.Equal(t, jobs.Item{Index: 0, Status: jobs.Succeeded, Progress: 100, Result: `{"key":"s/enhanced/a"}`}, read().Items[0])
	assert.Equal(t, jobs.Running, read().Status, "one of two is done")

	again, err := jobs.Run(ctx, store.Track("s", "j1", 0), func(context.Context) (result, error) {
		t.Error("work done twice")
		return result{}, nil
	})
	require.NoError(t, err)
	assert.Equal(t, done, again, "the second delivery of an event returns the first one's result")

	second := store.Track("s", "j1", 1)
	_, err = jobs.Run(ctx, second, func(context.Context) (result, error) {
		return result{}, fault.New(fault.SafetyBlocked, "no")
	})
	assert.Equal(t, fault.SafetyBlocked, fault.KindOf(err))
	assert.Equal(t, jobs.Item{Index: 1, Status: jobs.Failed, ErrorType: "SafetyBlockedError", ErrorMessage: "no"}, read().Items[1])
	assert.Equal(t, jobs.Succeeded, read().Status, "all are done, one succeeded")

	_, err = jobs.Run(ctx, second, func(context.Context) (result, error) { return result{"s/enhanced/b"}, nil })
	require.NoError(t, err, "a failed item can be retried")
	assert.Empty(t, read().Items[1].ErrorType)

	assert.Equal(t, fault.Conflict, fault.KindOf(first.Fail(ctx, errors.New("too late"))), "a finished item cannot fail")
}

func TestWorkThatTakesTooLongIsRecorded(t *testing.T) {
	store := jobs.New(awstest.StartDynamoDB(t))
	require.NoError(t, store.Create(t.Context(), "s", jobs.NewJob("j", jobs.Selection, []string{"s/a", "s/b"})))
	ctx, cancel := context.WithTimeout(t.Context(), 4*time.Second)
	defer cancel()
	_, err := jobs.Run(ctx, store.Track("s", "j", 0), func(ctx context.Context) (result, error) {
		<-ctx.Done()
		return result{}, ctx.Err()
	})
	assert.Equal(t, fault.DeadlineExceeded, fault.KindOf(err))
	report, err := store.Read(t.Context(), "s", "j")
	require.NoError(t, err)
	require.Len(t, report.Items, 1, "a selection has one item")
	assert.Equal(t, "DeadlineExceededError", report.Items[0].ErrorType)
	assert.Equal(t, jobs.Failed, report.Status)
}

func TestReadUnknownJob(t *testing.T) {
	store := jobs.New(awstest.StartDynamoDB(t))
	_, err := store.Read(t.Context(), "s", "none")
	assert.Equal(t, fault.NotFound, fault.KindOf(err))
}
