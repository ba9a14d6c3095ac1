// Package alarmapi reads the metrics of Lambda functions, and alarms, from CloudWatch with the
// AWS SDK. It implements [deploy.Watch].
package alarmapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
	"github.com/aws/smithy-go"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/report"
)

// Lambda sends its metrics each minute. For an alias with weights they have these dimensions.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
const (
	namespace = "AWS/Lambda"
	period    = time.Minute
)

// metrics are read for each version, in the order of the fields of [deploy.Traffic].
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
var metrics = []string{"Invocations", "Errors"}

// most is how many metrics one call reads at most.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
const most = 500

// Client calls CloudWatch in one region.
type Client struct{ api *cloudwatch.Client }

// New returns a client with the region, credentials, endpoint and retries of the configuration.
func New(c aws.Config) *Client { return &Client{cloudwatch.NewFromConfig(c)} }

// Traffic returns the calls of each version since the minute of the time.
func (c *Client) Traffic(ctx context.Context, versions []deploy.Version, since time.Time) ([]deploy.Traffic, error) {
	var queries []types.MetricDataQuery
	for n, v := range versions {
		for m, metric := range metrics {
			queries = append(queries, query(id(n, m), metric, v))
		}
	}
	sums := map[string]float64{}
	for some := range slices.Chunk(queries, most) {
		if err := c.add(ctx, some, since, sums); err != nil {
			return nil, wrap("GetMetricData", err)
		}
	}
	all := make([]deploy.Traffic, len(versions))
	for n := range versions {
		all[n] = deploy.Traffic{Calls: sums[id(n, 0)], Errors: sums[id(n, 1)]}
	}
	return all, nil
}

func id(version, metric int) string { return fmt.Sprintf("q%d_%d", version, metric) }

func query(id, metric string, v deploy.Version) types.MetricDataQuery {
	dimension := func(name, value string) types.Dimension {
		return types.Dimension{Name: aws.String(name), Value: aws.String(value)}
	}
	return types.MetricDataQuery{Id: aws.String(id), MetricStat: &types.MetricStat{
		Period: aws.Int32(int32(period / time.Second)), Stat: aws.String("Sum"),
		Metric: &types.Metric{Namespace: aws.String(namespace), MetricName: aws.String(metric), Dimensions: []types.Dimension{
			dimension("FunctionName", v.Function), dimension("Resource", v.Function+":"+v.Alias), dimension("ExecutedVersion", v.Version),
		}},
	}}
}

// add adds up the values of the queries. It fails if CloudWatch does not say that an answer is
// complete.
func (c *Client) add(ctx context.Context, queries []types.MetricDataQuery, since time.Time, sums map[string]float64) error {
	state := map[string]types.StatusCode{}
	pages := cloudwatch.NewGetMetricDataPaginator(c.api, &cloudwatch.GetMetricDataInput{
		MetricDataQueries: queries, StartTime: aws.Time(since.Truncate(period)), EndTime: aws.Time(time.Now().Add(period)),
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, r := range page.MetricDataResults {
			state[aws.ToString(r.Id)] = r.StatusCode
			for _, value := range r.Values {
				sums[aws.ToString(r.Id)] += value
			}
		}
	}
	for _, q := range queries {
		if s := state[aws.ToString(q.Id)]; s != types.StatusCodeComplete {
			return fmt.Errorf("the answer for %s of %s is %q, not Complete", aws.ToString(q.MetricStat.Metric.MetricName),
				aws.ToString(q.MetricStat.Metric.Dimensions[1].Value), s)
		}
	}
	return nil
}

// Alarm reads an alarm on a metric, or one that is composed of others: AWS returns the latter
// only if it is asked for them.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
func (c *Client) Alarm(ctx context.Context, name string) (deploy.Alarm, error) {
	out, err := c.api.DescribeAlarms(ctx, &cloudwatch.DescribeAlarmsInput{
		AlarmNames: []string{name}, AlarmTypes: []types.AlarmType{types.AlarmTypeMetricAlarm, types.AlarmTypeCompositeAlarm},
	})
	switch {
	case err != nil:
		return deploy.Alarm{}, wrap("DescribeAlarms", err)
	case len(out.MetricAlarms) > 0:
		a := out.MetricAlarms[0]
		return deploy.Alarm{State: string(a.StateValue), Reason: report.Line(aws.ToString(a.StateReason))}, nil
	case len(out.CompositeAlarms) > 0:
		a := out.CompositeAlarms[0]
		return deploy.Alarm{State: string(a.StateValue), Reason: report.Line(aws.ToString(a.StateReason))}, nil
	default:
		return deploy.Alarm{}, fmt.Errorf("DescribeAlarms %s: %w", name, deploy.ErrMissing)
	}
}

// wrap keeps the code and the message of an error of AWS.
func wrap(call string, err error) error {
	var api smithy.APIError
	if errors.As(err, &api) {
		return fmt.Errorf("%s: %s", call, report.Line(api.ErrorCode()+": "+api.ErrorMessage()))
	}
	return fmt.Errorf("%s: %w", call, err)
}
