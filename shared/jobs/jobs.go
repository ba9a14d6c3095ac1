// Package jobs stores the state of asynchronous work. A job has one or more items. One
// invocation of a processor, the Lambda function for that kind of job, works on one item
// and writes the record of that item, so two invocations never write the same record.
package jobs

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"lambdas.internal/shared/table"
)

// Status of an item or a job.
type Status string

// The states of an item, in their order.
const (
	Queued    Status = "queued"
	Running   Status = "running"
	Succeeded Status = "succeeded"
	Failed    Status = "failed"
)

// Kind is what a job does.
type Kind string

// The kinds of jobs.
const (
	Thumbnail   Kind = "thumbnail"
	Selection   Kind = "selection"
	Enhancement Kind = "enhancement"
	Video       Kind = "video"
)

// Job is a piece of asynchronous work.
type Job struct {
	ID   string `dynamodbav:"jobId" json:"jobId"`
	Kind Kind   `dynamodbav:"kind" json:"kind"`
	// Keys of the media. Each key is one item; a selection has one item for all keys.
	Keys []string `dynamodbav:"keys" json:"keys"`
	// CreatedAt and ExpiresAt in Unix seconds.
	CreatedAt int64 `dynamodbav:"createdAt" json:"createdAt"`
	ExpiresAt int64 `dynamodbav:"expiresAt" json:"expiresAt"`
}

// Items returns how many items the job has.
func (j Job) Items() int {
	if j.Kind == Selection {
		return 1
	}
	return len(j.Keys)
}

// Item is one part of a job. One invocation works on it.
type Item struct {
	Index  int    `dynamodbav:"itemIndex" json:"itemIndex"`
	Status Status `dynamodbav:"status" json:"status"`
	// Progress in percent.
	Progress int `dynamodbav:"progress" json:"progress"`
	// Result is the processor's result as JSON.
	Result RawJSON `dynamodbav:"result,omitempty" json:"result,omitempty"`
	// Deadline is when the invocation that works on the item ends at the latest, in Unix
	// seconds.
	Deadline int64 `dynamodbav:"deadline,omitempty" json:"-"`
	// ErrorType is the kind of the error, ErrorMessage its text.
	ErrorType    string `dynamodbav:"errorType,omitempty" json:"errorType,omitempty"`
	ErrorMessage string `dynamodbav:"errorMessage,omitempty" json:"errorMessage,omitempty"`
}

// RawJSON is encoded JSON. The table stores it as text.
type RawJSON string

// MarshalJSON implements json.Marshaler.
func (r RawJSON) MarshalJSON() ([]byte, error) { return json.RawMessage(r).MarshalJSON() }

// Report is a job with its items.
type Report struct {
	Job
	// Status is failed when all items failed, succeeded when all items are done and at
	// least one succeeded, queued when none has started, and otherwise running.
	Status Status `json:"status"`
	Items  []Item `json:"items"`
}

// Store stores jobs.
type Store struct{ table *table.Table }

// New returns a Store in the given table.
func New(t *table.Table) *Store { return &Store{table: t} }

// Create writes a new job. If the id exists already, the error is a fault.Conflict.
func (s *Store) Create(ctx context.Context, session string, job Job) error {
	return s.table.Create(ctx, table.Key{Session: session, Sort: jobKey(job.ID)}, job)
}

// Read returns a job with all its items. An item that no processor has started is
// queued, and one whose processor has not answered in its time is failed. If the job does not exist, the error is a fault.NotFound.
func (s *Store) Read(ctx context.Context, session, id string) (Report, error) {
	var job Job
	if err := s.table.Read(ctx, table.Key{Session: session, Sort: jobKey(id)}, &job); err != nil {
		return Report{}, err
	}
	return s.report(ctx, session, job)
}

// report reads the items of a job.
func (s *Store) report(ctx context.Context, session string, job Job) (Report, error) {
	report := Report{Job: job}
	var started []Item
	if err := s.table.List(ctx, session, itemPrefix(job.ID), &started); err != nil {
		return Report{}, err
	}
	report.Items = make([]Item, report.Job.Items())
	for i := range report.Items {
		report.Items[i] = Item{Index: i, Status: Queued}
	}
	for _, item := range started {
		if item.Index >= 0 && item.Index < len(report.Items) {
			report.Items[item.Index] = item
		}
	}
	report.endOverdue(time.Now())
	report.Status = overall(report.Items)
	return report, nil
}

func overall(items []Item) Status {
	count := map[Status]int{}
	for _, item := range items {
		count[item.Status]++
	}
	switch {
	case count[Failed] == len(items):
		return Failed
	case count[Failed]+count[Succeeded] == len(items):
		return Succeeded
	case count[Queued] == len(items):
		return Queued
	default:
		return Running
	}
}

func now() int64 { return time.Now().Unix() }

func expiry() int64 { return time.Now().Add(table.Lifetime).Unix() }

// NewJob returns a job that begins now.
func NewJob(id string, kind Kind, keys []string) Job {
	return Job{ID: id, Kind: kind, Keys: keys, CreatedAt: now(), ExpiresAt: expiry()}
}

func jobKey(id string) string     { return "JOB#" + id }
func itemPrefix(id string) string { return "ITEM#" + id + "#" }
func itemKey(id string, index int) string {
	return fmt.Sprintf("%s%03d", itemPrefix(id), index)
}

// messageLimit in bytes keeps a record far below DynamoDB's limit of 400 KB.
const messageLimit = 4096

func clip(s string) string {
	if len(s) <= messageLimit {
		return s
	}
	return s[:messageLimit] + "…"
}
