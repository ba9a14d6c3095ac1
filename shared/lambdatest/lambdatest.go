// Package lambdatest has the checks that the tests of all functions share: that an error
// reports the right type, and that it names a missing environment variable.
package lambdatest

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/lambdaboot"
)

// ErrorType fails the test unless err reports the kind want to Lambda.
func ErrorType(t testing.TB, want fault.Kind, err error) {
	t.Helper()
	var reported messages.InvokeResponse_Error
	require.ErrorAs(t, err, &reported)
	assert.Equal(t, string(want), reported.Type, reported.Message)
}

// Configuration unsets each of the variables in turn, and each variable that every AWS
// client needs. It fails the test unless the function answers the event with a
// configuration error that names the variable.
func Configuration(t *testing.T, build lambdaboot.Build, event string, variables ...string) {
	t.Helper()
	variables = append(variables, "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
	for _, missing := range variables {
		t.Run(missing, func(t *testing.T) {
			t.Setenv("AWS_DEFAULT_REGION", "")
			for _, variable := range variables {
				t.Setenv(variable, "x")
			}
			t.Setenv(missing, "")
			_, err := lambdaboot.New(build).Invoke(t.Context(), json.RawMessage(event))
			ErrorType(t, fault.Configuration, err)
			assert.ErrorContains(t, err, missing)
		})
	}
}
