//go:build steps

package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func verbs(*app) []*cobra.Command { return nil }

func (f *remoteFlags) invoke(context.Context, *cobra.Command, catalog.Function, []byte) (invoke.Response, error) {
	return invoke.Response{}, usageError{errors.New("--remote: this program was built with only the build steps; use bin/ci")}
}
