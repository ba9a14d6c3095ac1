// Package local runs the whole system on this machine: the functions from their built
// images, and local servers in place of S3, DynamoDB, Lambda and API Gateway.
package local

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"

	"lambdas.internal/ci/tool/run/invoke"
)

// maxEvent is Lambda's limit for a synchronous event, in bytes.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxEvent = 6 << 20

// lambdaAPI serves the Invoke operation of Lambda's API for running functions.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
type lambdaAPI struct {
	functions map[string]*invoke.Function
	logs      io.Writer
	// background is the context of asynchronous invocations, and running counts them.
	background context.Context
	running    sync.WaitGroup
}

func (l *lambdaAPI) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", l.invoke)
	return mux
}

func (l *lambdaAPI) invoke(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	function, ok := l.functions[name]
	if !ok {
		refuse(w, http.StatusNotFound, "ResourceNotFoundException", "Function not found: "+name)
		return
	}
	event, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxEvent))
	if err != nil {
		refuse(w, http.StatusRequestEntityTooLarge, "RequestTooLargeException", err.Error())
		return
	}
	switch kind := r.Header.Get("X-Amz-Invocation-Type"); kind {
	case "Event":
		l.running.Go(func() {
			if response, err := function.Invoke(l.background, event); err != nil {
				fmt.Fprintf(l.logs, "%s: %v\n", name, err)
			} else if response.Error != nil {
				fmt.Fprintf(l.logs, "%s reported %v\n", name, response.Error)
			}
		})
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	case "", "RequestResponse":
		response, err := function.Invoke(r.Context(), event)
		if err != nil {
			refuse(w, http.StatusBadGateway, "ServiceException", err.Error())
			return
		}
		answer(w, response)
	default:
		refuse(w, http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf("invocation type %q", kind))
	}
}

// answer writes the answer of a function in the format of Lambda.
func answer(w http.ResponseWriter, response invoke.Response) {
	payload := response.Payload
	if response.Error != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		payload, _ = json.Marshal(response.Error) // cannot fail: it has only strings
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(payload) //nolint:errcheck // it fails only if the caller has gone
}

// refuse writes an error in the wire format of Lambda's API.
func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"Type": "User", "Message": message}) //nolint:errcheck // it fails only if the caller has gone
}
