package jobs_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/jobs"
	"lambdas.internal/shared/table"
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
		for i := range report.Items {
			report.Items[i].Deadline = 0 // depends on the clock
		}
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

func TestTheEndOfAnInvocationThatRecordedNothing(t *testing.T) {
	store := jobs.New(awstest.StartDynamoDB(t))
	ctx := t.Context()
	require.NoError(t, store.Create(ctx, "s", jobs.NewJob("j", jobs.Video, []string{"s/a", "s/b", "s/c"})))
	_, err := jobs.Run(ctx, store.Track("s", "j", 1), func(context.Context) (result, error) { return result{}, nil })
	require.NoError(t, err)
	_, err = jobs.Run(ctx, store.Track("s", "j", 2), func(context.Context) (result, error) {
		require.NoError(t, store.Track("s", "j", 2).End(ctx, fault.Internal, "killed"), "a running item")
		return result{}, fault.New(fault.InvalidInput, "no picture")
	})
	require.Error(t, err)
	for i := range 3 {
		require.NoError(t, store.Track("s", "j", i).End(ctx, fault.Internal, "the processor was stopped"))
	}
	report, err := store.Read(ctx, "s", "j")
	require.NoError(t, err)
	assert.Equal(t, jobs.Item{Index: 0, Status: jobs.Failed, ErrorType: "InternalError", ErrorMessage: "the processor was stopped"}, report.Items[0], "it had not started")
	assert.Equal(t, jobs.Succeeded, report.Items[1].Status, "a result stays")
	assert.Equal(t, "no picture", report.Items[2].ErrorMessage, "the processor's own reason stays")
}

func TestItemsWithoutAnAnswerReadAsFailed(t *testing.T) {
	records := awstest.StartDynamoDB(t)
	store := jobs.New(records)
	ctx := t.Context()
	now := time.Now()
	// job makes a job that is this old, whose item 0 has the given state.
	job := func(id string, age time.Duration, status jobs.Status, deadline time.Duration) jobs.Report {
		j := jobs.NewJob(id, jobs.Video, []string{"s/a", "s/b"})
		j.CreatedAt = now.Add(-age).Unix()
		require.NoError(t, store.Create(ctx, "s", j))
		if status != jobs.Queued {
			item := map[string]any{"itemIndex": 0, "status": string(status), "deadline": now.Add(deadline).Unix(), "expiresAt": j.ExpiresAt}
			require.NoError(t, records.Create(ctx, table.Key{Session: "s", Sort: "ITEM#" + id + "#000"}, item))
		}
		report, err := store.Read(ctx, "s", id)
		require.NoError(t, err)
		return report
	}
	for name, test := range map[string]struct {
		age      time.Duration
		status   jobs.Status
		deadline time.Duration
		want     [2]jobs.Status
	}{
		"queued, new":                  {10 * time.Minute, jobs.Queued, 0, [2]jobs.Status{jobs.Queued, jobs.Queued}},
		"queued for too long":          {17 * time.Minute, jobs.Queued, 0, [2]jobs.Status{jobs.Failed, jobs.Failed}},
		"the queue still moves":        {2 * time.Hour, jobs.Running, time.Minute, [2]jobs.Status{jobs.Running, jobs.Queued}},
		"the invocation ended":         {5 * time.Minute, jobs.Running, -2 * time.Minute, [2]jobs.Status{jobs.Failed, jobs.Queued}},
		"the invocation ended and all": {2 * time.Hour, jobs.Running, -time.Hour, [2]jobs.Status{jobs.Failed, jobs.Failed}},
		"a result stays":               {2 * time.Hour, jobs.Succeeded, -time.Hour, [2]jobs.Status{jobs.Succeeded, jobs.Failed}},
	} {
		t.Run(name, func(t *testing.T) {
			report := job("j"+strings.NewReplacer(" ", "", ",", "").Replace(name), test.age, test.status, test.deadline)
			for i, want := range test.want {
				assert.Equal(t, want, report.Items[i].Status, i)
				if want == jobs.Failed {
					assert.Equal(t, "the processor did not answer", report.Items[i].ErrorMessage)
					assert.Equal(t, "DeadlineExceededError", report.Items[i].ErrorType)
				}
			}
		})
	}
	report := job("late", 2*time.Hour, jobs.Running, -time.Hour)
	require.Equal(t, jobs.Failed, report.Status)
	_, err := jobs.Run(ctx, store.Track("s", "late", 0), func(context.Context) (result, error) { return result{"s/x"}, nil })
	require.NoError(t, err)
	report, err = store.Read(ctx, "s", "late")
	require.NoError(t, err)
	assert.Equal(t, jobs.Succeeded, report.Items[0].Status, "a later success counts")
}

func TestReadUnknownJob(t *testing.T) {
	store := jobs.New(awstest.StartDynamoDB(t))
	_, err := store.Read(t.Context(), "s", "none")
	assert.Equal(t, fault.NotFound, fault.KindOf(err))
}

func TestListShowsTheLastJobFirst(t *testing.T) {
	store := jobs.New(awstest.StartDynamoDB(t))
	ctx := t.Context()
	var ids []string
	for range 5 {
		ids = append(ids, jobs.NewID())
		require.NoError(t, store.Create(ctx, "s", jobs.NewJob(ids[len(ids)-1], jobs.Thumbnail, []string{"s/a"})))
		time.Sleep(2 * time.Millisecond) // an id has the time in milliseconds
	}
	require.NoError(t, store.Create(ctx, "other", jobs.NewJob(jobs.NewID(), jobs.Thumbnail, []string{"s/a"})))
	require.NoError(t, store.Track("s", ids[4], 0).Fail(ctx, fault.New(fault.NotFound, "no such object")))
	var got []string
	before := ""
	for more := true; more; {
		var page []jobs.Report
		var err error
		page, more, err = store.List(ctx, "s", before, 2)
		require.NoError(t, err)
		for _, report := range page {
			got = append(got, report.ID)
			before = report.ID
			if report.ID == ids[4] {
				assert.Equal(t, jobs.Failed, report.Status)
			}
		}
	}
	slices.Reverse(got)
	assert.Equal(t, ids, got)
}

func TestOnce(t *testing.T) {
	store := jobs.New(awstest.StartDynamoDB(t))
	ctx := t.Context()
	for _, test := range []struct{ session, key, id, request, want string }{
		{"s", "k", "j1", "r", "j1"},
		{"s", "k", "j2", "r", "j1"},
		{"s", "k2", "j3", "r", "j3"},
		{"s2", "k", "j4", "r", "j4"},
	} {
		got, err := store.Once(ctx, test.session, test.key, test.id, test.request)
		require.NoError(t, err)
		assert.Equal(t, test.want, got)
	}
	_, err := store.Once(ctx, "s", "k", "j5", "another")
	assert.Equal(t, fault.Conflict, fault.KindOf(err))
}
