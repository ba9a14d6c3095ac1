// Package logsapi reads the log of a Lambda function from CloudWatch Logs with the AWS SDK.
package logsapi

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/smithy-go"

	"lambdas.internal/ci/tool/report"
)

// Pause is the time between two requests: an account may make five each second in most regions.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
const Pause = 2 * time.Second

// late is how long after its time an event may arrive, at most.
const late = time.Minute

// Client calls CloudWatch Logs in one region.
type Client struct {
	api   *cloudwatchlogs.Client
	pause time.Duration
}

// New returns a client with the region, credentials, endpoint and retries of the configuration.
func New(c aws.Config, pause time.Duration) *Client {
	return &Client{cloudwatchlogs.NewFromConfig(c), pause}
}

// Group is the log group of a function that names no other.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs.html
func Group(function string) string { return "/aws/lambda/" + function }

// Tail calls line with each event of a log group since a time, in the order of their times,
// until ctx ends. Only streams of the version are read: "$LATEST", or a number; each has it in
// its name. A group that does not exist yet has no events: Lambda makes it with the first one.
// The error is one that will not pass.
func (c *Client) Tail(ctx context.Context, group string, version func() string, since time.Time, line func(text string)) error {
	seen := map[string]time.Time{}
	for {
		newest, err := c.read(ctx, group, version(), since, seen, line)
		switch {
		case ctx.Err() != nil:
			return nil //nolint:nilerr // it is told to end
		case err != nil && !passing(err):
			return fmt.Errorf("read the log %s: %w", group, wrap(err))
		}
		if from := newest.Add(-late); from.After(since) {
			since = from
		}
		for id, at := range seen {
			if at.Before(since) {
				delete(seen, id)
			}
		}
		select {
		case <-time.After(c.pause):
		case <-ctx.Done():
			return nil
		}
	}
}

// read reads the events since a time that were not seen, and returns the time of the newest one.
func (c *Client) read(ctx context.Context, group, version string, since time.Time, seen map[string]time.Time, line func(string)) (newest time.Time, err error) {
	pages := cloudwatchlogs.NewFilterLogEventsPaginator(c.api, &cloudwatchlogs.FilterLogEventsInput{
		LogGroupName: aws.String(group), StartTime: aws.Int64(since.UnixMilli()),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return newest, err
		}
		for _, e := range page.Events {
			at, id := time.UnixMilli(aws.ToInt64(e.Timestamp)), aws.ToString(e.EventId)
			if _, ok := seen[id]; ok || !strings.Contains(aws.ToString(e.LogStreamName), "["+version+"]") {
				continue
			}
			seen[id] = at
			if at.After(newest) {
				newest = at
			}
			line(strings.TrimRight(aws.ToString(e.Message), "\r\n"))
		}
	}
	return newest, nil
}

// passing tells whether the next request may succeed.
func passing(err error) bool {
	var missing *types.ResourceNotFoundException
	return errors.As(err, &missing) || retry.IsErrorRetryables(retry.DefaultRetryables).IsErrorRetryable(err).Bool()
}

// wrap keeps the code and the message of an error of AWS.
func wrap(err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return errors.New(report.Line(api.ErrorCode() + ": " + api.ErrorMessage()))
	}
	return err
}
