package alarmapi_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/alarmapi"
	"lambdas.internal/ci/tool/internal/lambdafake"
)

func client(t *testing.T, f *lambdafake.Fake) *alarmapi.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return alarmapi.New(aws.Config{
		Region: lambdafake.Region, BaseEndpoint: aws.String(f.URL), HTTPClient: &http.Client{Transport: transport},
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""),
	})
}

// A thousand functions need several calls, and each gets its own numbers.
func TestTrafficOfManyVersions(t *testing.T) {
	f := lambdafake.New(t)
	var versions []deploy.Version
	for range 300 {
		versions = append(versions, deploy.Version{Function: "Api", Alias: "live", Version: "1"}, deploy.Version{Function: "Thumb", Alias: "live", Version: "2"})
	}
	f.Traffic("Thumb", "live", "2", 100, 3)
	f.Traffic("Thumb", "other", "2", 7, 7)

	all, err := client(t, f).Traffic(t.Context(), versions, time.Now())

	require.NoError(t, err)
	require.Len(t, all, 600)
	for n := 0; n < 600; n += 2 {
		assert.Equal(t, []deploy.Traffic{{}, {Calls: 100, Errors: 3}}, all[n:n+2])
	}
	assert.Len(t, f.Calls("GetMetricData"), 3)
}

// What CloudWatch could not read, or not completely, is unknown.
func TestUnknownIsAnError(t *testing.T) {
	versions := []deploy.Version{{Function: "Api", Alias: "live", Version: "1"}}
	for _, status := range []string{"Forbidden", "InternalError", "PartialData", ""} {
		f := lambdafake.New(t)
		f.MetricStatus = &status
		_, err := client(t, f).Traffic(t.Context(), versions, time.Now())
		require.EqualError(t, err, `GetMetricData: the answer for Invocations of Api:live is "`+status+`", not Complete`)
	}
	f := lambdafake.New(t)
	f.Answer = func(lambdafake.Call) lambdafake.Reply {
		return lambdafake.Reply{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: "not\nauthorized"}
	}
	_, err := client(t, f).Traffic(t.Context(), versions, time.Now())
	require.EqualError(t, err, "GetMetricData: AccessDeniedException: not authorized")
	_, err = client(t, f).Alarm(t.Context(), "pager")
	require.EqualError(t, err, "DescribeAlarms: AccessDeniedException: not authorized")
}

func TestAlarms(t *testing.T) {
	f := lambdafake.New(t)
	f.Alarm("pager", "OK")
	f.Alarm("composite/all", "ALARM")
	for name, want := range map[string]string{"pager": "OK", "composite/all": "ALARM"} {
		got, err := client(t, f).Alarm(t.Context(), name)
		require.NoError(t, err)
		assert.Equal(t, deploy.Alarm{State: want, Reason: "as the test wants"}, got)
	}
	_, err := client(t, f).Alarm(t.Context(), "other")
	require.ErrorIs(t, err, deploy.ErrMissing)
}
