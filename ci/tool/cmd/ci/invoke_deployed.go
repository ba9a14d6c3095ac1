//go:build !steps

package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/lambdaapi"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// invoke calls the deployed function with one event. The end of its log goes to
// standard error.
func (f *remoteFlags) invoke(ctx context.Context, cmd *cobra.Command, function catalog.Function, event []byte) (invoke.Response, error) {
	region, err := oneRegion("--remote", f.region)
	if err != nil {
		return invoke.Response{}, err
	}
	session, err := login(ctx, region, "")
	if err != nil {
		return invoke.Response{}, err
	}
	answer, err := lambdaapi.New(session.Config).Invoke(ctx, deploy.Call{
		Function: function.Lambda, Qualifier: cmp.Or(f.qualifier, function.Invoke.Qualifier), Tenant: function.Invoke.Tenant, Event: event,
	})
	if err != nil {
		return invoke.Response{}, err
	}
	fmt.Fprint(cmd.ErrOrStderr(), answer.Log)
	r := invoke.Response{Payload: answer.Payload, Duration: answer.Duration}
	if answer.Error != "" {
		failed := invoke.FunctionError{Type: answer.Error, Message: string(answer.Payload)}
		if err := json.Unmarshal(answer.Payload, &failed); err != nil {
			failed.Message = string(answer.Payload) // not the JSON that runtimes use for errors
		}
		r.Payload, r.Error = nil, &failed
	}
	return r, nil
}
