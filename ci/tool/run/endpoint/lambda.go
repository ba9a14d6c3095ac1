// Package endpoint is how callers reach functions that run on this machine: the Invoke
// operation of Lambda's API, and HTTP requests as API Gateway and function URLs hand them on.
package endpoint

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/run/invoke"
)

// maxEvent is Lambda's limit for a synchronous event, in bytes.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
const maxEvent = 6 << 20

// Lambda serves the Invoke operation of Lambda's API for running functions.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
type Lambda struct {
	// Find returns the function with a name.
	Find func(name string) (Runner, bool)
	Logs io.Writer
	// OnFailure receives the events that a function could not answer. There are no retries,
	// so that a person sees at once what went wrong.
	OnFailure Runner
	// Background is the context of the invocations: a caller that goes away does not stop one.
	Background context.Context

	running sync.WaitGroup // the asynchronous ones
}

// Handler serves the API.
func (l *Lambda) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /2015-03-31/functions/{name}/invocations", l.invoke)
	return mux
}

// Wait waits until the asynchronous invocations have ended.
func (l *Lambda) Wait() { l.running.Wait() }

// bare is the name of a function, of its ARN or of its name with a version.
// https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html#API_Invoke_RequestSyntax
func bare(name string) string {
	if _, rest, ok := strings.Cut(name, ":function:"); ok {
		name = rest
	}
	name, _, _ = strings.Cut(name, ":")
	return name
}

func (l *Lambda) invoke(w http.ResponseWriter, r *http.Request) {
	name := bare(r.PathValue("name"))
	function, ok := l.Find(name)
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
		l.running.Go(func() { l.inBackground(name, function, event) })
		w.WriteHeader(http.StatusAccepted)
	case "DryRun":
		w.WriteHeader(http.StatusNoContent)
	case "", "RequestResponse":
		response, err := function.Invoke(l.Background, event)
		if err != nil {
			response.Error = ended(err)
		}
		answer(w, response)
	default:
		refuse(w, http.StatusBadRequest, "InvalidParameterValueException", fmt.Sprintf("invocation type %q", kind))
	}
}

// inBackground carries out an asynchronous invocation.
func (l *Lambda) inBackground(name string, function Runner, event []byte) {
	response, err := function.Invoke(l.Background, event)
	reported := response.Error
	if err != nil {
		reported = ended(err)
	}
	if reported == nil || l.Background.Err() != nil {
		return
	}
	fmt.Fprintf(l.Logs, "%s reported %v\n", name, reported)
	if l.OnFailure == nil || l.OnFailure == function {
		return
	}
	record, err := json.Marshal(newFailure(name, event, reported))
	if err == nil {
		response, err = l.OnFailure.Invoke(l.Background, record)
	}
	if err == nil && response.Error != nil {
		err = response.Error
	}
	if err != nil && l.Background.Err() == nil {
		fmt.Fprintf(l.Logs, "%s: hand on its failure: %v\n", name, err)
	}
}

// ended is the error with which Lambda answers if a function did not.
func ended(err error) *invoke.FunctionError {
	kind := "Runtime.ExitError"
	if errors.Is(err, context.DeadlineExceeded) {
		kind = "Sandbox.Timedout"
	}
	return &invoke.FunctionError{Type: kind, Message: err.Error()}
}

// answer writes the answer of a function in the format of Lambda.
func answer(w http.ResponseWriter, response invoke.Response) {
	payload := response.Payload
	if response.Error != nil {
		w.Header().Set("X-Amz-Function-Error", "Unhandled")
		payload, _ = json.Marshal(response.Error) // cannot fail: it has only strings
	}
	stale(w, response)
	w.Header().Set("Content-Type", "application/json")
	w.Write(payload) //nolint:errcheck // it fails only if the caller has gone
}

// StaleHeader has the error, as Lambda writes one, because of which an answer is that of the
// program of before.
const StaleHeader = "X-Dev-Error"

// stale says in an answer which program gave it.
func stale(w http.ResponseWriter, response invoke.Response) {
	version := "$LATEST"
	if response.Stale != nil {
		text, _ := json.Marshal(response.Stale) // cannot fail: it has only strings
		w.Header().Set(StaleHeader, string(text))
		version = "the one before: " + report.Line(response.Stale.Message)
	}
	w.Header().Set("X-Amz-Executed-Version", version)
}

// refuse writes an error in the wire format of Lambda's API.
func refuse(w http.ResponseWriter, status int, kind, message string) {
	w.Header().Set("X-Amzn-ErrorType", kind)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"Type": "User", "Message": message}) //nolint:errcheck // it fails only if the caller has gone
}
