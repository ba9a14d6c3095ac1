package main

import (
	"context"
	"encoding/json"

	"lambdas.internal/shared/httpapi"
	"lambdas.internal/shared/lambdaboot"
)

// Build makes the handler of API Gateway events, and of the failures of processors, whose
// on-failure destination this function is. It starts without configuration; the answer
// of a route names the first variable that is missing.
func Build(context.Context) (lambdaboot.Handler, error) {
	api := newAPI()
	router := api.router()
	return func(ctx context.Context, payload json.RawMessage) (any, error) {
		if failed, ok := parseFailure(payload); ok {
			b, err := api.backend.get()
			if err != nil {
				return nil, err
			}
			return nil, recordFailure(ctx, b, failed)
		}
		return httpapi.Serve(ctx, router, payload)
	}, nil
}
