package main

import (
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"

	"lambdas.internal/shared/fault"
)

// bodyLimit in bytes is far above any request of this API.
const bodyLimit = 256 << 10

// statuses of the kinds of errors; any other is 500.
var statuses = map[fault.Kind]int{
	fault.InvalidInput:     http.StatusBadRequest,
	fault.Unauthorized:     http.StatusUnauthorized,
	fault.NotFound:         http.StatusNotFound,
	fault.Conflict:         http.StatusConflict,
	fault.SafetyBlocked:    http.StatusUnprocessableEntity,
	fault.Transient:        http.StatusServiceUnavailable,
	fault.DeadlineExceeded: http.StatusGatewayTimeout,
}

// public are the kinds whose text the caller may read: what is wrong with the
// request, or which variable the operator has to set. The others would show names
// of tables and buckets.
var public = map[fault.Kind]bool{
	fault.InvalidInput: true, fault.Unauthorized: true, fault.NotFound: true, fault.Conflict: true, fault.Configuration: true,
}

// problem is the body of an error, with the names that Lambda uses.
type problem struct {
	Type    string `json:"errorType"`
	Message string `json:"errorMessage"`
}

func reply(w http.ResponseWriter, r *http.Request, status int, body any) {
	w.Header().Set("Cache-Control", "no-store")
	if body == nil {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		slog.ErrorContext(r.Context(), "answer not written", "error", err.Error())
	}
}

func replyError(w http.ResponseWriter, r *http.Request, err error) {
	kind := fault.KindOf(err)
	status, ok := statuses[kind]
	if !ok {
		status = http.StatusInternalServerError
	}
	message := err.Error()
	if !public[kind] {
		message = "the request could not be carried out"
	}
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelError
	}
	slog.Log(r.Context(), level, "request failed", "method", r.Method, "path", r.URL.Path, "status", status, "errorType", string(kind), "error", err.Error())
	if kind == fault.Transient {
		w.Header().Set("Retry-After", "1")
	}
	reply(w, r, status, problem{Type: string(kind), Message: message})
}

// decode reads the JSON body of a request. A field that the route does not know is
// an error: it is a typo.
func decode(r *http.Request, v any) error {
	decoder := json.NewDecoder(r.Body)
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(v); err != nil {
		if tooLarge, ok := errors.AsType[*http.MaxBytesError](err); ok {
			return fault.New(fault.InvalidInput, "body: more than %d bytes", tooLarge.Limit)
		}
		return fault.New(fault.InvalidInput, "body: %w", err)
	}
	return nil
}
