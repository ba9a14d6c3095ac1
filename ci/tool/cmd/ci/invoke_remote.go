package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/awsauth"
	"lambdas.internal/ci/tool/catalog"
	"lambdas.internal/ci/tool/invoke"
	"lambdas.internal/ci/tool/lambdaapi"
)

// remoteFlags say which deployed function is called.
type remoteFlags struct {
	remote    bool
	qualifier string
	region    string
}

func (f *remoteFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.remote, "remote", false, "call the deployed function, instead of starting one here")
	flags.StringVar(&f.qualifier, "qualifier", "", "with --remote: version or alias to call (default: $LATEST)")
	flags.StringVar(&f.region, "region", "", "with --remote: AWS region (default: as for every AWS tool)")
}

// localOnly are the flags of invoke that say how a function is started here.
var localOnly = []string{"env", "emulator", "platform", "base", "ffmpeg", "offline"}

func (f *remoteFlags) check(cmd *cobra.Command) error {
	if !f.remote {
		if f.qualifier != "" || f.region != "" {
			return usageError{errors.New("--qualifier and --region need --remote")}
		}
		return nil
	}
	for _, name := range localOnly {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s says how a function is started here, and does not go with --remote", name)}
		}
	}
	return nil
}

// invokeRemote hands the deployed function one event. The end of its log goes to
// standard error.
func (f *remoteFlags) invoke(ctx context.Context, cmd *cobra.Command, function catalog.Function, event []byte) (invoke.Response, error) {
	session, err := awsauth.New(ctx, f.region)
	if errors.Is(err, awsauth.ErrRegion) {
		return invoke.Response{}, usageError{err}
	}
	if err != nil {
		return invoke.Response{}, err
	}
	answer, err := lambdaapi.New(session.Config).Invoke(ctx, function.Lambda, f.qualifier, event)
	if err != nil {
		return invoke.Response{}, err
	}
	fmt.Fprint(cmd.ErrOrStderr(), answer.Log)
	r := invoke.Response{Payload: answer.Payload, Duration: answer.Duration}
	if answer.Error != "" {
		failed := invoke.FunctionError{Type: answer.Error, Message: string(answer.Payload)}
		if err := json.Unmarshal(answer.Payload, &failed); err != nil {
			failed.Message = string(answer.Payload) // not in the form that runtimes report errors in
		}
		r.Payload, r.Error = nil, &failed
	}
	return r, nil
}
