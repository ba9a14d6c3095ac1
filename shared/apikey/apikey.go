// Package apikey finds the Gemini API key: in the environment, or in a parameter
// of AWS Systems Manager.
package apikey

import (
	"context"
	"errors"
	"os"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"lambdas.internal/shared/awsenv"
	"lambdas.internal/shared/fault"
)

// Variables that say where the key is. If both are set, the first one counts.
const (
	KeyVariable       = "GEMINI_API_KEY"
	ParameterVariable = "SSM_API_KEY_PARAM"
)

// Find returns the key in GEMINI_API_KEY or, if that is not set, the decrypted parameter
// that SSM_API_KEY_PARAM names. If neither is set, or the parameter does not exist, the
// error is a fault.Configuration.
func Find(ctx context.Context) (string, error) {
	if key := os.Getenv(KeyVariable); key != "" {
		return key, nil
	}
	name := os.Getenv(ParameterVariable)
	if name == "" {
		return "", fault.New(fault.Configuration, "environment variables %s and %s are not set; set one of them", KeyVariable, ParameterVariable)
	}
	cfg, err := awsenv.Config("SSM")
	if err != nil {
		return "", err
	}
	out, err := ssm.NewFromConfig(cfg).GetParameter(ctx, &ssm.GetParameterInput{Name: &name, WithDecryption: aws.Bool(true)})
	if err != nil {
		kind := fault.Transient
		if _, missing := errors.AsType[*types.ParameterNotFound](err); missing || awsenv.Denied(err) {
			kind = fault.Configuration
		}
		return "", fault.New(kind, "read parameter %s (from %s): %w", name, ParameterVariable, err)
	}
	if out.Parameter == nil || aws.ToString(out.Parameter.Value) == "" {
		return "", fault.New(fault.Configuration, "read parameter %s (from %s): the parameter is empty", name, ParameterVariable)
	}
	return *out.Parameter.Value, nil
}
