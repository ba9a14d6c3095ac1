package logging_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/logging"
)

func TestRecordsCarryTheirContext(t *testing.T) {
	var buf bytes.Buffer
	logger := logging.New(&buf).With("function", "thumb")
	ctx := lambdacontext.NewContext(t.Context(), &lambdacontext.LambdaContext{AwsRequestID: "r1"})
	outer := logging.With(ctx, logging.Session("s1"))
	inner := logging.With(outer, slog.String("key", "k"))
	_ = logging.With(outer, slog.String("key", "another")) // must not show in inner
	logger.InfoContext(inner, "hello", "n", 1)

	var record map[string]any
	require.NoError(t, json.Unmarshal(buf.Bytes(), &record))
	assert.NotEmpty(t, record["timestamp"])
	delete(record, "timestamp")
	assert.Equal(t, map[string]any{
		"level": "INFO", "message": "hello", "function": "thumb", "n": 1.0, "requestId": "r1", "sessionId": "s1", "key": "k",
	}, record)
}

func TestLevel(t *testing.T) {
	for name, want := range map[string]int{"": 3, "DEBUG": 4, "INFO": 3, "WARN": 2, "ERROR": 1, "nonsense": 3} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(logging.LevelVariable, name)
			var buf bytes.Buffer
			logger := logging.New(&buf)
			logger.Debug("")
			logger.Info("")
			logger.Warn("")
			logger.Error("")
			assert.Equal(t, want, bytes.Count(buf.Bytes(), []byte("\n")))
		})
	}
}
