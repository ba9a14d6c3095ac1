package main

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/lambdaboot"
	"lambdas.internal/shared/leaktest"
)

func decoded(t *testing.T, text string) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal([]byte(text), &v), text)
	return v
}

func clearEnvironment(t *testing.T) {
	t.Helper()
	for _, name := range []string{"ORIGIN_VERIFY_SECRET", "MEDIA_BUCKET_NAME", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(name, "")
	}
}

func event(method, path string) string {
	return fmt.Sprintf(`{"version":"2.0","rawPath":%q,"headers":{"x-origin-verify":%q},"requestContext":{"stage":"$default","http":{"method":%q,"path":%q}}}`, path, originSecret, method, path)
}

func TestHealthNeedsNoConfiguration(t *testing.T) {
	clearEnvironment(t)
	payload, err := os.ReadFile("testdata/event.json")
	require.NoError(t, err)
	out, err := lambdaboot.New(Build).Invoke(t.Context(), payload)
	require.NoError(t, err)
	response := out.(events.APIGatewayV2HTTPResponse)
	assert.Equal(t, 200, response.StatusCode)
	assert.JSONEq(t, `{"status":"ok"}`, response.Body)
	assert.Equal(t, "application/json", response.Headers["content-type"])
}

func TestMissingConfigurationNamesTheVariable(t *testing.T) {
	clearEnvironment(t)
	function := lambdaboot.New(Build)
	for _, variable := range []string{
		"ORIGIN_VERIFY_SECRET", "MEDIA_BUCKET_NAME", "THUMBNAIL_FUNCTION_NAME", "SELECTION_FUNCTION_NAME",
		"ENHANCE_FUNCTION_NAME", "VIDEO_FUNCTION_NAME", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY",
	} {
		out, err := function.Invoke(t.Context(), json.RawMessage(event("POST", "/sessions")))
		require.NoError(t, err)
		response := out.(events.APIGatewayV2HTTPResponse)
		assert.Equal(t, 500, response.StatusCode)
		body := decoded(t, response.Body)
		assert.Equal(t, "ConfigurationError", body["errorType"])
		assert.Contains(t, body["errorMessage"], variable)
		t.Setenv(variable, "x") // the next request names the next variable
	}
}

func TestEventsAndHTTPShareTheirRoutes(t *testing.T) {
	startSystem(t)
	out, err := lambdaboot.New(Build).Invoke(t.Context(), json.RawMessage(event("POST", "/sessions")))
	require.NoError(t, err)
	response := out.(events.APIGatewayV2HTTPResponse)
	assert.Equal(t, 201, response.StatusCode, response.Body)
	assert.NotEmpty(t, decoded(t, response.Body)["token"])
}

func TestInvocationsLeaveNothing(t *testing.T) {
	startSystem(t)
	function := lambdaboot.New(Build)
	leaktest.Invocations(t, 200, func(i int) {
		payload := event("POST", "/sessions")
		if i%3 == 0 {
			payload = event("GET", "/sessions/none")
		}
		_, err := function.Invoke(t.Context(), json.RawMessage(payload))
		require.NoError(t, err)
	})
}
