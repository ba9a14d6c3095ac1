// Package invoke starts other Lambda functions without waiting for them.
package invoke

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"lambdas.internal/shared/awsenv"
	"lambdas.internal/shared/fault"
)

// Invoker starts functions.
type Invoker struct{ client *lambda.Client }

// New returns an Invoker for the region and credentials of the environment.
func New() (*Invoker, error) {
	cfg, err := awsenv.Config("LAMBDA")
	if err != nil {
		return nil, err
	}
	return &Invoker{client: lambda.NewFromConfig(cfg)}, nil
}

// Start puts the event, encoded as JSON, into the function's queue. If the function
// does not exist, the error is a fault.Configuration.
func (i *Invoker) Start(ctx context.Context, function string, event any) error {
	payload, err := json.Marshal(event)
	if err != nil {
		return fault.New(fault.Internal, "start %s: %w", function, err)
	}
	out, err := i.client.Invoke(ctx, &lambda.InvokeInput{
		FunctionName: &function, InvocationType: types.InvocationTypeEvent, Payload: payload,
	})
	if err != nil {
		kind := fault.Transient
		if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok || awsenv.Denied(err) {
			kind = fault.Configuration
		} else if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
			kind = fault.DeadlineExceeded
		}
		return fault.New(kind, "start %s: %w", function, err)
	}
	if out.StatusCode != http.StatusAccepted {
		return fault.New(fault.Internal, "start %s: status %d, want %d", function, out.StatusCode, http.StatusAccepted)
	}
	return nil
}
