package sample_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/run/sample"
)

// Each event is what the library of Lambda reads, and has no field that the library does not know.
func TestEventsAreThoseOfLambda(t *testing.T) {
	read := map[string]any{
		"dynamodb": &events.DynamoDBEvent{}, "eventbridge": &events.EventBridgeEvent{}, "http": &events.APIGatewayV2HTTPRequest{},
		"s3": &events.S3Event{}, "sns": &events.SNSEvent{}, "sqs": &events.SQSEvent{},
	}
	for _, kind := range sample.Kinds() {
		event, ok := sample.Event(kind)
		require.True(t, ok)
		require.Contains(t, read, kind)
		d := json.NewDecoder(bytes.NewReader(event))
		d.DisallowUnknownFields()
		require.NoError(t, d.Decode(read[kind]), kind)
	}
	assert.Len(t, sample.Kinds(), len(read))
	assert.True(t, slices.IsSorted(sample.Kinds()))
	assert.Equal(t, "folder/my object.txt", read["s3"].(*events.S3Event).Records[0].S3.Object.URLDecodedKey)
	assert.JSONEq(t, `{"hello":"world"}`, read["sqs"].(*events.SQSEvent).Records[0].Body)
	assert.Equal(t, "item#101", read["dynamodb"].(*events.DynamoDBEvent).Records[0].Change.Keys["pk"].String())
	assert.Equal(t, "POST", read["http"].(*events.APIGatewayV2HTTPRequest).RequestContext.HTTP.Method)

	for _, unknown := range []string{"", "kafka", "../sample", "events/sqs"} {
		_, ok := sample.Event(unknown)
		assert.False(t, ok, unknown)
	}
}
