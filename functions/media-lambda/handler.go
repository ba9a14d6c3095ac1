package main

import (
	"context"
	"encoding/json"

	"lambdas.internal/shared/httpapi"
	"lambdas.internal/shared/lambdaboot"
)

// Build makes the handler of API Gateway events. It starts without configuration; the
// answer of a route names the first variable that is missing.
func Build(context.Context) (lambdaboot.Handler, error) {
	router := NewRouter()
	return func(ctx context.Context, payload json.RawMessage) (any, error) {
		return httpapi.Serve(ctx, router, payload)
	}, nil
}
